import { VirtualClock } from '@tutti/kernel';
import { type AnyActorLogic, type AnyActorRef, createActor, type EventObject, type Snapshot } from 'xstate';
import { persistedOf } from '../actor/persisted-selves.ts';
import { LocalActorSystem } from '../system/local-actor-system.ts';
import { LocalRef } from '../system/local-ref.ts';
import { createTestSystem } from './test-system.ts';

/** One thing done to a machine from outside. */
export type Op =
  | { readonly send: string }
  | { readonly waitMs: number }
  /** Done to the errand that was begun last, or so many before it, whether the machine still waits for it or not. */
  | { readonly errand: keyof Errand; readonly back: number }
  /** Its persisted snapshot is taken, it is stopped, and goes on from that as text. */
  | 'restore';

/** Something outside that a machine waits for: a promise to be settled, or a source to be observed. */
export interface Errand {
  readonly tell: (value: number) => void;
  readonly fail: (error: Error) => void;
  readonly end: () => void;
}

/** What a machine notes, and what it has begun outside. */
export interface Outside {
  readonly log: (line: string) => void;
  readonly begin: (errand: Errand) => void;
}

/** Makes the same logic each time, a machine mostly, that notes what it does. */
export type MakeMachine = (log: (line: string) => void, outside: Outside) => AnyActorLogic;

/** What can be seen of a machine after each operation. */
export interface Sight {
  readonly status: string;
  readonly value: unknown;
  readonly context: unknown;
  readonly output: unknown;
  /** Each child by its id, and what it shows. */
  readonly children: Readonly<Record<string, object>>;
  /** Which names of the system are taken, and by which child. */
  readonly named: Readonly<Record<string, string>>;
  /** What was persisted, when that was the operation. */
  readonly persisted: string | undefined;
  readonly log: readonly string[];
}

type AnySnapshot = Snapshot<unknown> & { value?: unknown; context?: unknown; children?: object };
type Names = Readonly<Record<string, AnyActorRef>>;

/** A machine with what runs it. */
interface Twin {
  readonly log: string[];
  readonly errands: Errand[];
  readonly send: (type: string) => void;
  readonly pass: () => void;
  /** Takes in what is there to be taken in without any time. */
  readonly rest: () => void;
  readonly snapshot: () => AnySnapshot | undefined;
  readonly names: () => Names;
  readonly persisted: () => Snapshot<unknown>;
  readonly stop: () => void;
  readonly begin: (persisted: Snapshot<unknown>) => void;
}

/** What is noted while the twin is stopped is not compared, for the second reason that {@link comparable} gives. */
function restore({ log, persisted, stop, begin }: Twin): string {
  const text = JSON.stringify(persisted());
  const notes = log.length;
  stop();
  log.length = notes;
  begin(JSON.parse(text) as Snapshot<unknown>);
  return text;
}

function childOf(ref: AnyActorRef): object {
  const { status, value, context, output, error } = ref.getSnapshot() as AnySnapshot;
  return { status, value, context, output, error: String(error) };
}

function sightOf({ snapshot, names, log }: Twin, persisted: string | undefined): Sight {
  const {
    status = 'none',
    value,
    context,
    children = {},
    output,
  } = snapshot() ?? ({} as Partial<AnySnapshot>);
  const isActive = status === 'active';
  const refs = Object.entries(isActive ? (children as Names) : {});
  return {
    status,
    value: isActive ? value : undefined,
    context: isActive ? context : undefined,
    output: status === 'done' ? output : undefined,
    children: Object.fromEntries(refs.map(([id, ref]) => [id, childOf(ref)])),
    named: isActive ? Object.fromEntries(Object.entries(names()).map(([name, { id }]) => [name, id])) : {},
    persisted,
    log: [...log],
  };
}

/** As many turns of the promises as any of them takes to get to the machine. */
const PROMISE_TURNS = 6;

/**
 * Does each operation, a wait one millisecond at a time, and looks; after its end as well, when nothing must come of
 * it. What has ended is not restored.
 */
async function sightsOf(ops: readonly Op[], twin: Twin): Promise<Sight[]> {
  let told = 0;
  const look = async (persisted?: string) => {
    for (let i = 0; i < PROMISE_TURNS; i++) {
      twin.rest();
      await Promise.resolve();
    }
    twin.rest();
    return sightOf(twin, persisted);
  };
  let sight = await look();
  const sights = [sight];
  const doing = async (act: () => string | void) => {
    sight = await look(act() ?? undefined);
  };
  for (const op of ops) {
    if (op === 'restore') await doing(() => (sight.status === 'active' ? restore(twin) : undefined));
    else if ('send' in op) await doing(() => twin.send(op.send));
    else if ('waitMs' in op) for (let i = 0; i < op.waitMs; i++) await doing(twin.pass);
    else
      await doing(() => {
        const errand = twin.errands.at(-1 - op.back);
        if (op.errand === 'tell') errand?.tell(++told);
        else if (op.errand === 'fail') errand?.fail(new Error('it failed outside'));
        else errand?.end();
      });
    sights.push(sight);
  }
  return sights;
}

/** Where a twin notes what it does. */
function notes(make: MakeMachine) {
  const log: string[] = [];
  const errands: Errand[] = [];
  const outside: Outside = { log: (line) => log.push(line), begin: (errand) => errands.push(errand) };
  const machine = make(outside.log, outside);
  // Whose context is a value shares its first snapshot with others when it has no input.
  const { context } = (machine as { readonly config?: { readonly context?: unknown } }).config ?? {};
  const input = typeof context === 'object' ? {} : { input: { given: 3 } };
  return { log, errands, machine, input };
}

/**
 * The machine under XState's own actor, on virtual time. Undefined when two timers fired at one instant: XState takes
 * each to its end before the next, and a cell lets both fire first, so that they need not show the same.
 */
async function underXState(make: MakeMachine, ops: readonly Op[]): Promise<Sight[] | undefined> {
  const { log, errands, machine, input } = notes(make);
  const time = new VirtualClock();
  const fired = new Set<number>();
  let isAmbiguous = false;
  const fire = (action: () => void) => () => {
    isAmbiguous ||= fired.has(time.now());
    fired.add(time.now());
    action();
  };
  const clock = {
    setTimeout: (action: () => void, delayMs: number) => time.setTimer(delayMs, fire(action)),
    clearTimeout: (timer: object) => time.clearTimer(timer),
  };
  const begin = (snapshot?: Snapshot<unknown>) => {
    const actor = createActor(machine, { clock, ...input, ...(snapshot && { snapshot }) });
    actor.on('*', (event: EventObject) => log.push(`emitted ${event.type}`));
    actor.subscribe({ error: () => {} });
    return actor.start();
  };
  let actor = begin();
  const sights = await sightsOf(ops, {
    log,
    errands,
    send: (type) => actor.send({ type }),
    pass: () => time.advance(1),
    rest: () => {},
    snapshot: () => actor.getSnapshot() as AnySnapshot,
    names: () => actor.system.getAll() as Names,
    persisted: () => actor.getPersistedSnapshot(),
    stop: () => void actor.stop(),
    begin: (persisted) => void (actor = begin(persisted)),
  });
  return isAmbiguous ? undefined : sights;
}

/** The same machine in a cell. */
async function underTutti(make: MakeMachine, ops: readonly Op[]): Promise<Sight[]> {
  const { log, errands, machine, input } = notes(make);
  const { system, clock } = createTestSystem();
  const begin = (kept?: Snapshot<unknown>) => {
    const keeper = { restore: () => kept, commit: () => undefined };
    const ref: unknown = system.spawn(machine, { ...input, supervise: false, ...(kept && { keeper }) });
    if (!(system instanceof LocalActorSystem) || !(ref instanceof LocalRef)) throw new Error('not local');
    const cell = ref.cell!;
    const self = system.runtime.selfOf(cell);
    self.on('*', (event) => log.push(`emitted ${event.type}`));
    const life = { ref, cell, self, last: undefined as AnySnapshot | undefined };
    cell.subscribe((snapshot) => (life.last = snapshot));
    cell.watch(({ reason }) => {
      if (reason === 'failed') life.last = { status: 'error', output: undefined, error: undefined };
    });
    return life;
  };
  let life = begin();
  return await sightsOf(ops, {
    log,
    errands,
    send: (type) => life.ref.send({ type }),
    pass: () => clock.advance(1),
    rest: () => clock.advance(0),
    snapshot: () => (life.cell.isStopped ? life.last : life.cell.snapshot),
    names: () => life.self.system.getAll(),
    persisted: () => persistedOf(machine, life.cell.snapshot!),
    stop() {
      void life.ref.stop();
      clock.advance(0);
    },
    begin: (persisted) => void (life = begin(persisted)),
  });
}

/**
 * Two differences are meant to be. When the computation of a transition throws, XState has run the actions that came
 * before the throw, and a cell has run none, since effects wait for the snapshot. And with a machine's end everything
 * ends that it ever spawned, while XState forgets a child whose id was given to another.
 */
function comparable(sight: Sight): Sight {
  if (sight.status === 'error') return { ...sight, log: [] };
  return sight.status === 'done' ? { ...sight, log: sight.log.filter((line) => !CHILD.test(line)) } : sight;
}

/** How the lines of children begin. */
const CHILD = /^(kid|echo|reducer|nest|promise|source) /;

/** The two, to be compared; undefined when they need not be the same. */
export async function underBoth(
  make: MakeMachine,
  ops: readonly Op[],
): Promise<{ xstate: Sight[]; tutti: Sight[] } | undefined> {
  const xstate = await underXState(make, ops);
  if (!xstate) return undefined;
  return { xstate: xstate.map(comparable), tutti: (await underTutti(make, ops)).map(comparable) };
}

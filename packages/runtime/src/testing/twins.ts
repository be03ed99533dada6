import { VirtualClock } from '@tutti/kernel';
import { type AnyStateMachine, createActor, type EventObject, type Snapshot } from 'xstate';
import { LocalActorSystem } from '../system/local-actor-system.ts';
import { LocalRef } from '../system/local-ref.ts';
import { createTestSystem } from './test-system.ts';

/** One thing done to a machine from outside. */
export type Op = { readonly send: string } | { readonly waitMs: number };

/** Makes the same machine each time, with actions that note what they do. */
export type MakeMachine = (log: (line: string) => void) => AnyStateMachine;

/** What can be seen of a machine after each operation. */
export interface Sight {
  readonly status: string;
  readonly value: unknown;
  readonly context: unknown;
  readonly output: unknown;
  readonly children: readonly string[];
  readonly log: readonly string[];
}

type AnySnapshot = Snapshot<unknown> & { value?: unknown; context?: unknown; children?: object };

function sightOf(snapshot: AnySnapshot | undefined, log: readonly string[]): Sight {
  const { status = 'none', value, context, children = {}, output } = snapshot ?? ({} as Partial<AnySnapshot>);
  const isActive = status === 'active';
  return {
    status,
    value: isActive ? value : undefined,
    context: isActive ? context : undefined,
    output: status === 'done' ? output : undefined,
    children: isActive ? Object.keys(children).sort() : [],
    log: [...log],
  };
}

/**
 * Does each operation, a wait one millisecond at a time, and looks. Nothing is seen of a machine after its end: what it
 * has spawned may go on under XState, and ends with it in a cell.
 */
function sightsOf(
  ops: readonly Op[],
  send: (type: string) => void,
  pass: () => void,
  look: () => Sight,
): Sight[] {
  let sight = look();
  const sights = [sight];
  const doing = (act: () => void) => {
    if (sight.status !== 'active') return;
    act();
    sight = look();
  };
  for (const op of ops) {
    if ('send' in op) doing(() => send(op.send));
    else for (let i = 0; i < op.waitMs; i++) doing(pass);
    sights.push(sight);
  }
  return sights;
}

/**
 * The machine under XState's own actor, on virtual time. Undefined when two timers fired at one instant: XState takes
 * each to its end before the next, and a cell lets both fire first, so that they need not show the same.
 */
function underXState(make: MakeMachine, ops: readonly Op[]): Sight[] | undefined {
  const log: string[] = [];
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
  const actor = createActor(
    make((line) => log.push(line)),
    { clock },
  );
  actor.on('*', (event: EventObject) => log.push(`emitted ${event.type}`));
  actor.subscribe({ error: () => {} });
  actor.start();
  const look = () => sightOf(actor.getSnapshot() as AnySnapshot, log);
  const send = (type: string) => actor.send({ type });
  const sights = sightsOf(ops, send, () => time.advance(1), look);
  return isAmbiguous ? undefined : sights;
}

/** The same machine in a cell. */
function underTutti(make: MakeMachine, ops: readonly Op[]): Sight[] {
  const log: string[] = [];
  const { system, clock } = createTestSystem();
  const machine = make((line) => log.push(line));
  const ref: unknown = system.spawn(machine, { supervise: false });
  if (!(system instanceof LocalActorSystem) || !(ref instanceof LocalRef)) throw new Error('not local');
  const cell = ref.cell!;
  system.runtime.selfOf(cell).on('*', (event) => log.push(`emitted ${event.type}`));
  let last: AnySnapshot | undefined;
  cell.subscribe((snapshot) => (last = snapshot));
  cell.watch(({ reason }) => {
    if (reason === 'failed') last = { status: 'error', output: undefined, error: undefined };
  });
  const look = () => {
    clock.advance(0);
    return sightOf(cell.isStopped ? last : cell.snapshot, log);
  };
  const send = (type: string) => ref.send({ type });
  return sightsOf(ops, send, () => clock.advance(1), look);
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
const CHILD = /^(kid|echo|reducer|nest) /;

/** The two, to be compared; undefined when they need not be the same. */
export function underBoth(
  make: MakeMachine,
  ops: readonly Op[],
): { xstate: Sight[]; tutti: Sight[] } | undefined {
  const xstate = underXState(make, ops);
  if (!xstate) return undefined;
  return { xstate: xstate.map(comparable), tutti: underTutti(make, ops).map(comparable) };
}

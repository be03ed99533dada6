import {
  type AnyActorRef,
  type AnyStateMachine,
  and,
  assign,
  cancel,
  createMachine,
  type EventObject,
  emit,
  enqueueActions,
  forwardTo,
  fromCallback,
  fromEventObservable,
  fromObservable,
  fromPromise,
  fromTransition,
  type Observer,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stateIn,
  stopChild,
} from 'xstate';
import type { Outside } from './twins.ts';

/**
 * Machines drawn from numbers: nested and parallel states, both kinds of history, final states with output, eventless
 * and delayed transitions, re-entry, wildcards, invoked and spawned children that answer, end and fail, be they
 * machines, callbacks, reducers, promises or observables, with input, names in the system, and snapshots that are told.
 * Whatever they do, a cell shows the same as `createActor` after every event and every millisecond.
 */

type Context = { context: { n: number } };

/** The numbers that a machine is made of, read round and round. */
class Tape {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  draw(below: number): number {
    return this.#numbers[this.#at++ % this.#numbers.length]! % below;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.draw(items.length)]!;
  }

  /** True once in so many times. */
  rarely(times: number): boolean {
    return this.draw(times) === 0;
  }
}

type Kind = 'atomic' | 'compound' | 'parallel' | 'final' | 'shallow' | 'deep';
interface Shape {
  readonly id: string;
  readonly kind: Kind;
  readonly children: readonly Shape[];
}

/** What is sent to them. */
export const SENT = ['A', 'B', 'C', 'job.x', 'job.y'] as const;
const ANSWERS = ['RAISED', 'PONG', 'ECHO', 'HELLO', 'LATE', 'TOLD'] as const;
const XSTATES = ['xstate.snapshot.*', 'xstate.done.actor.*', 'xstate.error.actor.*'] as const;
const HEARD = [...SENT, 'job.*', '*', ...ANSWERS, ...XSTATES] as const;
/** The sorts of children. */
export const SORTS = ['echo', 'kid', 'reducer', 'nest', 'promise', 'source', 'events'] as const;
const NAMES = ['one', 'two'] as const;
const STATES_MAX = 14;
const MOVES_MAX = 40;
const NEVER_MS = 1_000_000_000;

function shapeOf(tape: Tape, isQuiet: boolean): { root: Shape; all: Shape[] } {
  const all: Shape[] = [];
  const make = (id: string, kind: Kind, depth: number): Shape => {
    const children: Shape[] = [];
    const shape: Shape = { id, kind, children };
    if (depth > 0) all.push(shape);
    const count = kind === 'compound' ? 2 + tape.draw(2) : kind === 'parallel' ? 2 : 0;
    for (let at = 0; at < count; at++) {
      const isDeep = depth >= 2 || all.length >= STATES_MAX;
      const simple: Kind[] = isDeep ? ['atomic'] : ['atomic', 'compound', isQuiet ? 'compound' : 'parallel'];
      const mayRest = kind === 'compound' && at > 0;
      children.push(
        make(
          `${id}${String(at)}`,
          tape.pick(mayRest ? [...simple, 'final', 'shallow', 'deep'] : simple),
          depth + 1,
        ),
      );
    }
    return shape;
  };
  return { root: make('s', tape.rarely(4) ? 'parallel' : 'compound', 0), all };
}

/** A delay that hardly ends when another does: machines of which two timers fire at one instant are not compared. */
const apart =
  (delayMs: number, index: number) =>
  ({ context }: Context) =>
    delayMs + (((1 + index + 97 * context.n) * Math.SQRT2) % 1);

/** Children of all sorts. Each notes what it does; one has a child of its own, and passes on what it is told. */
export function childLogics({ log, begin }: Outside, isTimed: boolean) {
  const echo = fromCallback<EventObject>(({ sendBack, receive, input }) => {
    log(`echo starts with ${JSON.stringify(input)}`);
    sendBack({ type: 'HELLO' });
    receive(({ type }) => {
      log(`echo got ${type}`);
      if (type === 'BREAK') throw new Error('echo broke');
      sendBack({ type: 'ECHO' });
    });
    return () => log('echo ends');
  });
  let kids = 0;
  const kid = createMachine({
    types: {} as { context: { n: number; input: unknown } },
    initial: 'a',
    context: ({ input }) => ({ n: kids++, input }),
    entry: ({ context }) => log(`kid starts with ${JSON.stringify(context.input)}`),
    exit: () => log('kid ends'),
    states: {
      a: {
        on: { PING: { actions: sendParent({ type: 'PONG' }) }, KICK: 'b', BREAK: { actions: broken } },
        after: { kicked: 'b' },
      },
      b: {
        entry: [() => log('kid in b'), sendParent({ type: 'LATE' })],
        after: { ended: 'z' },
        on: { KICK: 'z' },
      },
      z: { type: 'final' },
    },
    output: 7,
  }).provide({
    delays: { kicked: apart(isTimed ? 7 : NEVER_MS, 30), ended: apart(isTimed ? 3 : NEVER_MS, 31) },
  });
  const reducer = fromTransition((n: number, { type }: EventObject) => {
    log(`reducer got ${type}`);
    if (type === 'BREAK') throw new Error('reducer broke');
    return n + 1;
  }, 0);
  const nest = setup({ actors: { echo } }).createMachine({
    entry: () => log('nest starts'),
    invoke: { id: 'egg', src: 'echo', onError: { actions: sendParent({ type: 'LATE' }) } },
    on: {
      ECHO: { actions: [() => log('nest heard'), sendParent({ type: 'ECHO' })] },
      '*': { actions: sendTo('egg', ({ event }) => event) },
    },
    exit: () => log('nest ends'),
  });
  const promise = fromPromise<unknown, unknown>(({ input, signal }) => {
    log(`promise starts with ${JSON.stringify(input)}`);
    signal.addEventListener('abort', () => log('promise aborted'));
    return new Promise((resolve, reject) => {
      begin({ tell: resolve, fail: reject, end: () => resolve(undefined) });
    });
  });
  const observable = () => {
    const observers = new Set<Observer<unknown>>();
    const each = (act: (observer: Observer<unknown>) => void) => Array.from(observers).forEach(act);
    const over = (act: (observer: Observer<unknown>) => void) => {
      each(act);
      observers.clear();
    };
    begin({
      tell: (value) => each(({ next }) => next?.({ type: 'TOLD', value })),
      fail: (error) => over(({ error: fail }) => fail?.(error)),
      end: () => over(({ complete }) => complete?.()),
    });
    return {
      subscribe(observer: Observer<unknown>) {
        log('source observed');
        observers.add(observer);
        observer.next?.({ type: 'TOLD', value: 'at once' });
        return {
          unsubscribe() {
            log('source let go');
            observers.delete(observer);
          },
        };
      },
    };
  };
  const source = fromObservable(({ input }) => {
    log(`source starts with ${JSON.stringify(input)}`);
    return observable() as never;
  });
  const events = fromEventObservable(({ input }) => {
    log(`source of events starts with ${JSON.stringify(input)}`);
    return observable() as never;
  });
  return { echo, kid, reducer, nest, promise, source, events };
}

function broken(): never {
  throw new Error('broken');
}

/** Something noting and harmless takes what is meant for a child that is not there. */
const childOr =
  (id: string) =>
  ({ self }: { self: { getSnapshot(): unknown } }) => {
    const { children } = self.getSnapshot() as { children: Record<string, never> };
    return children[id] ?? children.bin!;
  };

interface Sort {
  /** Nothing that starts by itself: neither children nor delays, as the graph tools want it. */
  readonly isQuiet?: boolean;
  /** Delays that nobody lives to see, since XState forgets them when it restores a machine, and a cell begins them anew. */
  readonly isTimeless?: boolean;
}

/** What an event brings along, as text. */
function brought(event: EventObject): string {
  const { output, error, snapshot, value } = event as EventObject & Record<string, unknown>;
  const { status, context } = (snapshot ?? {}) as Record<string, unknown>;
  const parts = { output, error: error instanceof Error ? String(error) : undefined, status, context, value };
  return JSON.stringify(parts) === '{}' ? '' : ` ${JSON.stringify(parts)}`;
}

/** The machine that these numbers make. */
export function randomMachine(
  numbers: readonly number[],
  outside: Outside,
  { isQuiet = false, isTimeless = false }: Sort = {},
): AnyStateMachine {
  const { log } = outside;
  const tape = new Tape(numbers);
  const { root, all } = shapeOf(tape, isQuiet);
  const children = childLogics(outside, !isTimeless);
  const target = () => `#${tape.pick(all).id}`;
  let delays = 0;
  const later = (most: number) => apart(isTimeless ? NEVER_MS : 1 + tape.draw(most), delays++);
  const note =
    (what: string) =>
    ({ context, event }: Context & { event: EventObject }) =>
      log(`${what} ${String(context.n)} ${event.type}${brought(event)}`);
  const input = () =>
    tape.rarely(2) && {
      input: tape.rarely(2)
        ? 5
        : ({ context, event }: Context & { event: EventObject }) => [context.n, event.type],
    };

  const count = assign({ n: ({ context }: Context) => context.n + 1 });
  const action = (where: string, mayPoke: boolean): object => {
    const kind = tape.draw(isQuiet ? 6 : mayPoke ? 17 : 12);
    if (kind <= 2) return note(where);
    if (kind === 3) return count;
    if (kind === 4) return emit({ type: `from.${where}` });
    if (kind === 5)
      return enqueueActions(({ context, enqueue }) => {
        if (context.n >= MOVES_MAX) return;
        enqueue.assign({ n: context.n + 1 });
        enqueue.raise({ type: 'RAISED' });
      });
    if (kind === 6) return raise({ type: 'LATE' }, { delay: later(9), id: tape.pick(['t', 'u']) });
    if (kind === 7) return cancel(tape.pick(['t', 'u']));
    if (kind === 8)
      return spawnChild(tape.pick(SORTS), {
        id: `spawned${String(tape.draw(2))}`,
        ...input(),
        ...(tape.rarely(2) && { syncSnapshot: true }),
        ...(tape.rarely(3) && { systemId: tape.pick(NAMES) }),
      });
    if (kind === 9) return stopChild(`spawned${String(tape.draw(2))}`);
    if (kind <= 11) return note(`${where}!`);
    if (kind === 16) {
      const name = tape.pick([...NAMES, ...all.map(({ id }) => `named-${id}`)]);
      const named = ({ system, self }: { system: { get(name: string): unknown }; self: never }) =>
        system.get(name) ?? childOr('bin')({ self });
      return sendTo(named as never, { type: tape.pick(['PING', 'KICK', 'BREAK']) } as never);
    }
    const child = childOr(tape.pick(['spawned0', 'spawned1', ...all.map(({ id }) => `in-${id}`)]));
    if (kind === 12) return forwardTo(child as never);
    const poked = tape.pick(['PING', 'KICK', 'BREAK']);
    if (kind === 15)
      return (args: { self: never }) => {
        log(`${where} pokes`);
        (child(args) as AnyActorRef).send({ type: poked });
      };
    const delay = tape.rarely(3) ? { delay: later(5) } : undefined;
    const event: EventObject = { type: tape.pick(['PING', 'KICK', 'PING', 'BREAK']) };
    return sendTo(child as never, event as never, delay);
  };
  const actions = (where: string, mayPoke: boolean) =>
    Array.from({ length: tape.draw(4) }, () => action(where, mayPoke));

  /** Every move counts, and after enough of them there are no more: or some would answer each other for ever. */
  const guard = () => {
    const rest = tape.draw(2);
    const isBounded = ({ context }: Context) => context.n < MOVES_MAX;
    if (tape.rarely(3)) return and([isBounded, stateIn(target())] as never);
    if (tape.rarely(2)) return (args: Context) => isBounded(args) && args.context.n % 2 === rest;
    return isBounded;
  };
  const move = (where: string) => ({
    guard: guard(),
    ...(!tape.rarely(3) && { target: target() }),
    ...(tape.rarely(4) && { reenter: true }),
    actions: [count, ...actions(where, true)],
  });
  const always = (where: string) => {
    const rest = tape.draw(5);
    return {
      guard: ({ context }: Context) => context.n < MOVES_MAX && context.n % 5 === rest,
      target: target(),
      actions: [count, note(`${where} always`)],
    };
  };
  const invoke = (id: string) => ({
    id: `in-${id}`,
    src: tape.pick(SORTS),
    ...input(),
    ...(tape.rarely(3) && { systemId: `named-${id}` }),
    ...(tape.rarely(2) && { onSnapshot: move(`${id} snapshot`) }),
    ...(tape.rarely(2) && { onDone: move(`${id} done`) }),
    ...(tape.rarely(2) && { onError: move(`${id} error`) }),
  });

  const config = ({ id, kind, children: below }: Shape, isRoot = false): object => {
    if (kind === 'shallow' || kind === 'deep')
      return { id, type: 'history', history: kind, ...(tape.rarely(3) && { target: target() }) };
    if (kind === 'final')
      return {
        id,
        type: 'final',
        entry: actions(`${id} in`, false),
        output: ({ context }: Context) => ({ at: id, n: context.n }),
      };
    const on: Record<string, object[]> = {};
    for (let i = tape.draw(4); i > 0; i--) (on[tape.pick(HEARD)] ??= []).push(move(id));
    return {
      id,
      on,
      entry: actions(`${id} in`, false),
      exit: actions(`${id} out`, false),
      ...(kind === 'parallel' && { type: 'parallel' }),
      ...(kind === 'compound' && { initial: `${id}0` }),
      ...(below.length > 0 && { states: Object.fromEntries(below.map((each) => [each.id, config(each)])) }),
      ...(below.length > 0 && !isRoot && tape.rarely(2) && { onDone: move(`${id} all done`) }),
      ...(!isQuiet && tape.rarely(5) && { always: always(id) }),
      ...(!isQuiet &&
        tape.rarely(3) && { after: { [later(12)({ context: { n: 0 } })]: move(`${id} after`) } }),
      ...(!isQuiet && !isRoot && tape.rarely(4) && { invoke: invoke(id) }),
    };
  };
  const bin = fromCallback<EventObject>(({ receive }) => receive(({ type }) => log(`bin got ${type}`)));
  return createMachine({
    ...config(root, true),
    context: tape.rarely(2) ? ({ input: given }: { input: unknown }) => ({ n: 0, given }) : { n: 0 },
    options: { maxIterations: 60 },
    output: ({ context }: Context) => context.n,
    ...(!isQuiet && { invoke: { id: 'bin', src: 'bin' } }),
  } as object).provide({ actors: { ...children, bin } });
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
  fromTransition,
  raise,
  sendParent,
  sendTo,
  spawnChild,
  stateIn,
  stopChild,
} from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { type MakeMachine, type Op, underBoth } from '../testing/twins.ts';

/**
 * Machines drawn from numbers: nested and parallel states, both kinds of history, final states with output, eventless
 * and delayed transitions, re-entry, wildcards, invoked and spawned children that answer, end and fail. Whatever they
 * do, a cell shows the same as `createActor` after every event and every millisecond.
 */

type Context = { context: { n: number } };
type Log = (line: string) => void;

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

const SENT = ['A', 'B', 'C', 'job.x', 'job.y'] as const;
const HEARD = [...SENT, 'job.*', '*', 'RAISED', 'PONG', 'ECHO', 'HELLO', 'LATE'] as const;
const STATES_MAX = 14;
const MOVES_MAX = 40;

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

/** Children of four sorts. Each notes what it does; one has a child of its own, and passes on what it is told. */
function childLogics(log: Log) {
  const echo = fromCallback<EventObject>(({ sendBack, receive }) => {
    log('echo starts');
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
    initial: 'a',
    context: () => ({ n: kids++ }),
    entry: () => log('kid starts'),
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
  }).provide({ delays: { kicked: apart(7, 30), ended: apart(3, 31) } });
  const reducer = fromTransition((n: number, { type }: EventObject) => {
    log(`reducer got ${type}`);
    if (type === 'BREAK') throw new Error('reducer broke');
    return n + 1;
  }, 0);
  const nest = createMachine({
    entry: () => log('nest starts'),
    invoke: { id: 'egg', src: echo, onError: { actions: sendParent({ type: 'LATE' }) } },
    on: {
      ECHO: { actions: [() => log('nest heard'), sendParent({ type: 'ECHO' })] },
      '*': { actions: sendTo('egg', ({ event }) => event) },
    },
    exit: () => log('nest ends'),
  });
  return { echo, kid, reducer, nest };
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

/** @param isQuiet Nothing that starts by itself: neither children nor delays, as the graph tools want it. */
function machineOf(numbers: readonly number[], log: Log, isQuiet = false): AnyStateMachine {
  const tape = new Tape(numbers);
  const { root, all } = shapeOf(tape, isQuiet);
  const children = childLogics(log);
  const target = () => `#${tape.pick(all).id}`;
  let delays = 0;
  const later = (most: number) => apart(1 + tape.draw(most), delays++);
  const note =
    (what: string) =>
    ({ context, event }: Context & { event: EventObject & { output?: unknown } }) =>
      log(
        `${what} ${String(context.n)} ${event.type}${event.output === undefined ? '' : ` ${JSON.stringify(event.output)}`}`,
      );

  const count = assign({ n: ({ context }: Context) => context.n + 1 });
  const action = (where: string, mayPoke: boolean): object => {
    const kind = tape.draw(isQuiet ? 6 : mayPoke ? 16 : 12);
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
      return spawnChild(tape.pick([children.kid, children.echo, children.nest]), {
        id: `spawned${String(tape.draw(2))}`,
      });
    if (kind === 9) return stopChild(`spawned${String(tape.draw(2))}`);
    if (kind <= 11) return note(`${where}!`);
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
    src: tape.pick([children.echo, children.kid, children.reducer, children.nest]),
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
    context: { n: 0 },
    options: { maxIterations: 60 },
    output: ({ context }: Context) => context.n,
    ...(!isQuiet && { invoke: { id: 'bin', src: bin } }),
  });
}

const opArb: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...SENT).map((send): Op => ({ send })) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 12 }).map((waitMs): Op => ({ waitMs })) },
);
const tapeArb = fc.array(fc.nat(1_000_000), { minLength: 40, maxLength: 160 });

/** None where the search would not end, or fails because the machine does. */
function shortestPaths(
  machine: AnyStateMachine,
  options: object,
): { readonly steps: readonly { readonly event: EventObject }[] }[] {
  try {
    return getShortestPaths(machine, options);
  } catch {
    return [];
  }
}

describe('random machines in a cell and under createActor', () => {
  test('are the same after every event and every wait', () => {
    let compared = 0;
    fc.assert(
      fc.property(tapeArb, fc.array(opArb, { minLength: 1, maxLength: 15 }), (numbers, ops) => {
        const make: MakeMachine = (log) => machineOf(numbers, log);
        const both = underBoth(make, ops);
        if (!both) return;
        expect(both.tutti).toEqual(both.xstate);
        compared++;
      }),
      { numRuns: 300, seed: 20_261_121 },
    );
    expect(compared).toBeGreaterThan(200);
  });

  test('are the same along the shortest path to each of their states, as the graph tools find it', () => {
    let paths = 0;
    fc.assert(
      fc.property(tapeArb, (numbers) => {
        const make: MakeMachine = (log) => machineOf(numbers, log, true);
        const events = SENT.map((type) => ({ type }));
        const serializeState = (snapshot: object) => {
          const { value, status, context } = snapshot as {
            value: unknown;
            status: string;
            context: { n: number };
          };
          return JSON.stringify([value, status, Math.min(context.n, 3)]);
        };
        for (const { steps } of shortestPaths(
          make(() => {}),
          { events, serializeState, limit: 500 },
        )) {
          const ops = steps.flatMap(({ event }): Op[] =>
            event.type.startsWith('xstate.') ? [] : [{ send: event.type }],
          );
          const both = underBoth(make, ops);
          expect(both?.tutti).toEqual(both?.xstate);
          paths++;
        }
      }),
      { numRuns: 40, seed: 20_261_121 },
    );
    expect(paths).toBeGreaterThan(50);
  });
});

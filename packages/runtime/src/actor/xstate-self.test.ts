import { describe, expect, test } from 'vitest';
import {
  type AnyActorRef,
  type AnyStateMachine,
  assign,
  createActor,
  createMachine,
  type EventObject,
  emit,
  fromCallback,
  fromTransition,
  toPromise,
} from 'xstate';
import { createTestSystem } from '../testing/test-system.ts';

/** What a logic can do with its `self` is what it can do under createActor. */

type Log = (line: unknown) => void;
type Make = (log: Log) => AnyStateMachine;

/** What the machine notes under XState's own actor, and in a cell. */
function notesOf(make: Make, sent: readonly string[]): { xstate: unknown[]; tutti: unknown[]; lost: number } {
  const [xstate, tutti]: [unknown[], unknown[]] = [[], []];
  const actor = createActor(
    make((line) => xstate.push(line)),
    { id: 'm' },
  ).start();
  const { system, advance } = createTestSystem();
  const ref = system.spawn(
    make((line) => tutti.push(line)),
    { id: 'm' },
  );
  ref.watch(({ reason }) => tutti.push(reason));
  actor.subscribe({ complete: () => xstate.push(actor.getSnapshot().status) });
  for (const type of sent) {
    if (actor.getSnapshot().status === 'active') actor.send({ type });
    ref.send({ type });
  }
  advance();
  return { xstate, tutti, lost: system.deadLetters.counts().stopped };
}

const withSelf =
  (act: (self: AnyActorRef) => void) =>
  ({ self }: { self: AnyActorRef }) =>
    act(self);

describe('self', () => {
  test('has every method that the ref of createActor has', () => {
    const actor = createActor(createMachine({}));
    const makers = new Set(['constructor', 'update', 'attachDevTools']); // its maker's own, and on no ref
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(actor)).filter(
      (name) => !name.startsWith('_') && !makers.has(name),
    );
    const missing = (log: Log) =>
      createMachine({
        entry: withSelf((self) => log(names.filter((name) => typeof Reflect.get(self, name) !== 'function'))),
      });
    expect(names).toContain('getPersistedSnapshot');
    expect(notesOf(missing, []).tutti).toEqual([[]]);
  });

  test('ends the actor after the present event, with what is inside it', () => {
    const make: Make = (log) =>
      createMachine({
        initial: 'on',
        invoke: { id: 'child', src: fromCallback(() => () => log('child ends')) },
        states: {
          on: {
            on: {
              OFF: { target: 'off', actions: [() => log('leaves'), withSelf((self) => self.stop())] },
            },
          },
          off: { entry: () => log('arrives'), exit: () => log('never') },
        },
        on: { '*': { actions: ({ event }) => log(event.type) } },
      });
    const { xstate, tutti, lost } = notesOf(make, ['ONE', 'OFF', 'TWO', 'THREE']);
    expect(tutti).toEqual(xstate);
    expect(xstate).toEqual(['ONE', 'leaves', 'arrives', 'child ends', 'stopped']);
    expect(lost).toBe(2);
  });

  test('starts what has been started no second time', () => {
    const make: Make = (log) =>
      createMachine({ entry: () => log('entry'), on: { GO: { actions: withSelf((self) => self.start()) } } });
    expect(notesOf(make, ['GO', 'GO'])).toEqual({ xstate: ['entry'], tutti: ['entry'], lost: 0 });
  });

  test('gives its persisted snapshot, and tells of the parts that are selected when they change', () => {
    const make: Make = (log) =>
      createMachine({
        context: { n: 0, other: 0 },
        on: {
          SELECT: {
            actions: withSelf((self) => {
              const half = self.select(({ context }: { context: { n: number } }) =>
                Math.floor(context.n / 2),
              );
              log(half.get());
              half.subscribe(log);
              half.subscribe({ next: log });
            }),
          },
          ADD: { actions: assign({ n: ({ context }) => Number(context['n']) + 1 }) },
          READ: { actions: withSelf((self) => log(JSON.stringify(self.getPersistedSnapshot()))) },
        },
      });
    const { xstate, tutti } = notesOf(make, ['ADD', 'SELECT', 'ADD', 'ADD', 'READ', 'ADD', 'READ']);
    expect(tutti).toEqual(xstate);
    expect(xstate).toHaveLength(7);
  });

  test.each<[string, string, unknown[]]>([
    ['is done', 'END', ['next done', 'complete', 'resolved 5']],
    ['fails', 'BREAK', ['error it broke', 'rejected it broke']],
    ['is stopped', 'STOP', ['complete', 'resolved undefined']],
  ])('tells an observer, and a promise for its output, when it %s', async (_, type, expected) => {
    const heard: string[] = [];
    const machine = createMachine({
      initial: 'on',
      entry: withSelf((self) => {
        toPromise(self).then(
          (output) => heard.push(`resolved ${String(output)}`),
          (error: Error) => heard.push(`rejected ${error.message}`),
        );
        self.subscribe({
          next: ({ status }: { status: string }) => heard.push(`next ${status}`),
          error: (error: unknown) => heard.push(`error ${(error as Error).message}`),
          complete: () => heard.push('complete'),
        });
      }),
      states: { on: { on: { END: 'off' } }, off: { type: 'final' } },
      on: {
        STOP: { actions: withSelf((self) => self.stop()) },
        BREAK: {
          actions: () => {
            throw new Error('it broke');
          },
        },
      },
      output: 5,
    });
    const { system, advance } = createTestSystem();
    system.spawn(machine, { supervise: false }).send({ type });
    advance();
    await Promise.resolve();
    await Promise.resolve();
    expect(heard.filter((line) => line !== 'next active')).toEqual(expected);
  });

  test('tells an observer whose methods are those of its class', () => {
    const make = (log: (note: unknown) => void) => {
      class Counting {
        #heard = 0;
        next(snapshot: { status: string }) {
          log([snapshot.status, ++this.#heard]);
        }
        complete() {
          log(['complete', ++this.#heard]);
        }
      }
      return createMachine({
        initial: 'on',
        entry: withSelf((self) => self.subscribe(new Counting())),
        states: { on: { on: { ADD: {}, END: 'off' } }, off: { type: 'final' } },
      });
    };
    const { xstate, tutti } = notesOf(make, ['ADD', 'END']);
    expect(tutti).toEqual(xstate);
    expect(tutti.at(-2)).toEqual(['complete', 4]);
  });

  test('shows nothing of the next life to whom it has told the end of this one', () => {
    const heard: string[] = [];
    let lives = 0;
    const machine = createMachine({
      entry: withSelf((self) => {
        const life = ++lives;
        self.subscribe({
          next: () => heard.push(`${life} next`),
          error: () => heard.push(`${life} error`),
        });
      }),
      on: {
        ADD: {},
        BREAK: {
          actions: () => {
            throw new Error('it broke');
          },
        },
      },
    });
    const { system, advance } = createTestSystem();
    const ref = system.spawn(machine);
    for (const type of ['ADD', 'BREAK', 'ADD']) {
      ref.send({ type });
      advance(1_000);
    }
    expect(lives).toBe(2);
    expect(heard).toEqual(['1 next', '1 next', '1 error', '2 next', '2 next']);
  });

  test('can stop a reducer, which hears of it once', () => {
    const heard: string[] = [];
    const reducer = fromTransition((_: undefined, { type }: EventObject, { self }) => {
      heard.push(type);
      if (type === 'END') self.stop();
      return undefined;
    }, undefined);
    const { system, advance } = createTestSystem();
    const ref = system.spawn(reducer);
    for (const type of ['END', 'MORE']) ref.send({ type });
    advance();
    expect([heard, system.actorCount]).toEqual([['END', 'xstate.stop'], 0]);
  });

  test('tells a function twice that listens twice, and one that is renewed while it is told once', () => {
    const make = (log: (note: unknown) => void) =>
      createMachine({
        entry: withSelf((self) => {
          const heard = () => log('heard');
          const [first] = [self.on('NEWS', heard), self.on('NEWS', heard)];
          self.on('STOP ONE', () => first.unsubscribe());
          let times = 0;
          const renew = () => {
            log('renewed');
            own.unsubscribe();
            if (++times < 100) own = self.on('NEWS', renew);
          };
          let own = self.on('NEWS', renew);
        }),
        on: { '*': { actions: emit(({ event }) => event) } },
      });
    const { xstate, tutti } = notesOf(make, ['NEWS', 'STOP ONE', 'NEWS']);
    expect(tutti).toEqual(xstate);
    expect(tutti).toEqual(['heard', 'heard', 'renewed', 'heard', 'renewed']);
  });

  test('takes a delay that is no number for none, as XState does', () => {
    const { system, advance } = createTestSystem();
    const machine = createMachine({
      initial: 'waiting',
      states: { waiting: { after: { never: 'over' } }, over: { type: 'final' } },
    }).provide({ delays: { never: () => Number.NaN } });
    const ended: string[] = [];
    system.spawn(machine).watch(({ reason }) => ended.push(reason));
    advance(10);
    expect(ended).toEqual(['done']);
  });
});

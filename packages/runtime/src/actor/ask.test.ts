import { silentLogger, VirtualClock } from '@tutti/kernel';
import { describe, expect, test, vi } from 'vitest';
import { assign, createMachine, fromPromise, raise } from 'xstate';
import { DeadLetterOffice } from '../mailbox/dead-letter-office.ts';
import type { LocalActorSystem } from '../system/local-actor-system.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { type Asked, AskTable } from './ask.ts';
import { reply, replying, replyLater } from './reply.ts';

const answering = replying((count: number, event: { type: string }, reply) => {
  if (event.type === 'throw') throw new Error('no answer');
  if (event.type === 'twice') reply('first');
  if (event.type !== 'silent') reply(count);
  return count + 1;
}, 0);

const codes = async (promises: readonly Promise<unknown>[]): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const result of await Promise.allSettled(promises)) {
    const key =
      result.status === 'fulfilled' ? 'answered' : ((result.reason as { code?: string }).code ?? 'other');
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
};

describe('ask', () => {
  test('gets the answer, in the order of asking, and only the first of two', async () => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(answering);
    const answers = [ref.ask({ type: 'one' }), ref.ask({ type: 'twice' }), ref.ask({ type: 'three' })];
    advance();
    expect(await Promise.all(answers)).toEqual([0, 'first', 2]);
  });

  test('a machine answers with its committed context, and the same event may be sent', async () => {
    const { system, advance } = createTestSystem();
    const machine = createMachine({
      context: { n: 0 },
      on: {
        ADD: { actions: [assign({ n: ({ context }) => context.n + 1 }), reply(({ context }) => context.n)] },
      },
    });
    const ref = system.spawn(machine);
    ref.send({ type: 'ADD' });
    const answer = ref.ask({ type: 'ADD' });
    advance();
    expect(await answer).toBe(2);
  });

  test('that ends its actor without an answer is told so at once, and one that is answered as it ends is not', async () => {
    const { system, advance, clock } = createTestSystem();
    const machine = createMachine({
      initial: 'open',
      states: {
        open: { on: { END: 'over', 'SAY AND END': { target: 'over', actions: reply('the last word') } } },
        over: { type: 'final' },
      },
    });
    const keeper = { restore: () => undefined, commit: () => undefined };
    for (const options of [{}, { keeper }, { supervise: { restart: 'permanent' } }] as const) {
      const silent = system.spawn(machine, options).ask({ type: 'END' });
      const said = system.spawn(machine, options).ask({ type: 'SAY AND END' });
      advance();
      expect(system.pendingAsks).toBe(0);
      await expect(silent).rejects.toMatchObject({ code: 'TUTTI_ACTOR_UNKNOWN' });
      expect(await said).toBe('the last word');
    }
    expect(clock.now()).toBe(0);
  });

  test('fails with what its actor failed with, and the actor is restarted', async () => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(answering);
    const failed = ref.ask({ type: 'throw' });
    const next = ref.ask({ type: 'go on' });
    advance();
    await expect(failed).rejects.toMatchObject({
      code: 'TUTTI_ACTOR_FAILED',
      details: { problem: 'no answer' },
    });
    expect(await next).toBe(0);
  });

  test('times out exactly at its deadline, and the late answer is counted', async () => {
    const { clock, system, advance } = createTestSystem();
    let answer: ((value: string) => void) | undefined;
    system.addResolver({ matches: () => true, ref: () => system.ref('local:test/1/x') });
    const asks = new AskTable(clock, system.deadLetters, 10);
    const open = asks.ask('somewhere', { type: 'q' }, { timeoutMs: 300 }, (asked: Asked) => {
      answer = (value) => asked.target.reply(value);
    });
    const outcome = codes([open]);
    advance(299);
    expect(asks.size).toBe(1);
    advance(1);
    expect(asks.size).toBe(0);
    answer!('late');
    expect(await outcome).toEqual({ TUTTI_ASK_TIMEOUT: 1 });
    expect(system.deadLetters.counts()['late-reply']).toBe(1);
  });

  test('is called off by its signal, before or after sending', async () => {
    const { system } = createTestSystem();
    const ref = system.spawn(answering);
    const controller = new AbortController();
    const running = ref.ask({ type: 'silent' }, { signal: controller.signal });
    controller.abort();
    const late = ref.ask({ type: 'silent' }, { signal: controller.signal });
    expect(await codes([running, late])).toEqual({ TUTTI_ABORTED: 2 });
    expect(system.pendingAsks).toBe(0);
  });

  test('is refused when the table is full, and failed when the node stops', async () => {
    const { system, advance } = createTestSystem({ limits: { asks: 2 } });
    const ref = system.spawn(answering);
    const asks = Array.from({ length: 3 }, () => ref.ask({ type: 'silent' }));
    const outcome = codes(asks);
    advance();
    const stopped = system.stop();
    advance(1);
    await stopped;
    expect(await outcome).toEqual({ TUTTI_OVERLOADED: 1, TUTTI_CLOSED: 2 });
  });

  test('an answer that only a promise brings is given later, in the order of asking', async () => {
    const { system, until } = createTestSystem();
    let calls = 0;
    const machine = createMachine({
      initial: 'idle',
      states: {
        idle: { on: { ASK: { target: 'busy', actions: replyLater() } } },
        busy: {
          invoke: {
            src: fromPromise(() => Promise.resolve(++calls)),
            onDone: { target: 'idle', actions: reply(({ event }) => (event as { output?: number }).output) },
          },
        },
      },
    });
    const ref = system.spawn(machine);
    const first = ref.ask({ type: 'ASK' });
    await until(() => calls === 1 && system.pendingAsks === 0, 10);
    const second = ref.ask({ type: 'ASK' });
    await until(() => calls === 2 && system.pendingAsks === 0, 10);
    expect([await first, await second]).toEqual([1, 2]);
  });

  /** Asks in this order, all at once, and says what each was told. */
  async function answersTo(...types: readonly string[]): Promise<unknown[]> {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(
      createMachine({
        on: {
          SLOW: { actions: replyLater() },
          TWICE: { actions: [reply('first of two'), reply('second of two')] },
          KNOWN: { actions: [replyLater(), raise({ type: 'FOUND' })] },
          FOUND: { actions: [reply('found'), reply('found again')] },
          HELD: { actions: [reply('given at once'), replyLater()] },
          DONE: { actions: reply(({ event }) => (event as { answer?: string }).answer) },
        },
      }),
    );
    const answers = types.map((type) => ref.ask({ type }));
    advance();
    for (const answer of ['done 1', 'done 2']) ref.send({ type: 'DONE', answer });
    advance(5_000);
    return (await Promise.allSettled(answers)).map((result) =>
      result.status === 'fulfilled' ? result.value : (result.reason as { code?: string }).code,
    );
  }

  test("a second answer to one ask is nobody else's", async () => {
    expect(await answersTo('SLOW', 'TWICE')).toEqual(['done 1', 'first of two']);
    expect(await answersTo('SLOW', 'TWICE', 'SLOW')).toEqual(['done 1', 'first of two', 'done 2']);
  });

  test('what is held and answered by the same message is answered to who asked it', async () => {
    expect(await answersTo('SLOW', 'KNOWN', 'SLOW')).toEqual(['done 1', 'found', 'done 2']);
  });

  test('an ask that was answered cannot be held any more', async () => {
    expect(await answersTo('HELD', 'SLOW')).toEqual(['given at once', 'done 1']);
  });

  test('a reducer that answers too late answers nobody', async () => {
    const { system, clock, advance } = createTestSystem();
    const late = replying((_: undefined, event: { type: string }, reply) => {
      if (event.type === 'late') clock.setTimer(1, () => reply('late'));
      else if (event.type !== 'silent') reply(event.type);
      return undefined;
    }, undefined);
    const ref = system.spawn(late);
    const answers = codes([ref.ask({ type: 'late' })]);
    advance(1);
    const next = codes([ref.ask({ type: 'silent' })]);
    advance(5_000);
    expect([await answers, await next]).toEqual([{ TUTTI_ASK_TIMEOUT: 1 }, { TUTTI_ASK_TIMEOUT: 1 }]);
  });

  test('what is held when the actor stops is failed, not left to its deadline', async () => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(createMachine({ on: { ASK: { actions: replyLater() } } }));
    const held = codes([ref.ask({ type: 'ASK' })]);
    advance();
    void ref.stop();
    advance();
    expect(system.pendingAsks).toBe(0);
    expect(await held).toEqual({ TUTTI_ACTOR_UNKNOWN: 1 });
  });

  test('20,000 timed out, 20,000 answered twice and 20,000 to nobody leave nothing behind', async () => {
    const { clock, system, advance } = createTestSystem();
    const ref = system.spawn(answering);
    const nobody = system.ref('local:test/1/nobody');
    const asks: Promise<unknown>[] = [];
    for (let i = 0; i < 20_000; i++) {
      asks.push(ref.ask({ type: 'silent' }), ref.ask({ type: 'twice' }), nobody.ask({ type: 'x' }));
    }
    const outcome = codes(asks);
    expect(system.pendingAsks).toBe(40_000);
    advance(5_000);
    expect(await outcome).toEqual({
      answered: 20_000,
      TUTTI_ASK_TIMEOUT: 20_000,
      TUTTI_ACTOR_UNKNOWN: 20_000,
    });
    expect(system.pendingAsks).toBe(0);
    expect(clock.nextAt()).toBeUndefined();
  });

  test('deadlines of one duration share one timer, however many asks there are', () => {
    const clock = new VirtualClock();
    const table = new AskTable(clock, new DeadLetterOffice(silentLogger), 1_000);
    const asks: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) {
      asks.push(
        table.ask('a', { type: 'q' }, { timeoutMs: 50 }, () => {}),
        table.ask('a', { type: 'q' }, { timeoutMs: 70 }, () => {}),
      );
    }
    void codes(asks);
    expect(table.timerCount).toBe(2);
    clock.advance(50);
    expect([table.size, table.timerCount]).toEqual([100, 1]);
    clock.advance(20);
    expect([table.size, table.timerCount]).toEqual([0, 0]);
  });
});

describe('very many asks that fail at once', () => {
  /** Runs what is due turn by turn, and gives how many asks failed in each. */
  async function failuresByTurn(
    { system, clock, until }: ReturnType<typeof createTestSystem>,
    count: number,
    ask: () => Promise<unknown>,
    fail: () => void,
  ): Promise<number[]> {
    const turns = [0];
    const nextTurn = clock.nextTurn.bind(clock);
    let open = count;
    const note = () => {
      turns[turns.length - 1] = open - system.pendingAsks;
      open = system.pendingAsks;
    };
    const asks = Array.from({ length: count }, ask);
    const failed = codes(asks);
    expect(system.pendingAsks).toBe(count);
    clock.nextTurn = (action) =>
      nextTurn(() => {
        note();
        turns.push(0);
        action();
      });
    fail();
    await until(() => system.pendingAsks === 0, 10_000);
    note();
    expect(Object.values(await failed)).toEqual([count]);
    return turns.filter((failures) => failures > 0);
  }
  const silent = replying((state: undefined) => state, undefined);
  const slices = [256, 256, 256, 232];

  test('do so in slices when they have one signal, which has one listener', async () => {
    const world = createTestSystem();
    const ref = world.system.spawn(silent);
    const controller = new AbortController();
    const { signal } = controller;
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    const turns = await failuresByTurn(
      world,
      1_000,
      () => ref.ask({ type: 'x' }, { signal }),
      () => controller.abort(),
    );
    expect(turns).toEqual(slices);
    expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([1, 0]);
  });

  test('do so in slices when their time is up', async () => {
    const world = createTestSystem();
    const ref = world.system.spawn(silent);
    const turns = await failuresByTurn(
      world,
      1_000,
      () => ref.ask({ type: 'x' }, { timeoutMs: 100 }),
      () => world.advance(99),
    );
    expect(turns).toEqual(slices);
    expect((world.system as LocalActorSystem).asks.timerCount).toBe(0);
  });

  test('do so in slices when their actor ends with them in its mailbox, as the sends among them do', async () => {
    const world = createTestSystem();
    const ref = world.system.spawn(silent, { supervise: { shutdownMs: 0 } });
    world.advance();
    const turns = await failuresByTurn(
      world,
      1_000,
      () => ref.ask({ type: 'x' }),
      () => void ref.stop(),
    );
    expect(turns).toEqual(slices);
    expect(world.system.deadLetters.counts().stopped).toBe(1_000);
  });

  test('do so in slices when their node stops', async () => {
    const world = createTestSystem();
    const { asks } = world.system as LocalActorSystem;
    const turns = await failuresByTurn(
      world,
      1_000,
      () => asks.ask('of another node', { type: 'x' }, {}, () => {}),
      () => void world.system.stop(),
    );
    expect(turns).toEqual(slices);
    expect(asks.timerCount).toBe(0);
  });

  test('let go of their signal with the last of them', async () => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(answering);
    const { signal } = new AbortController();
    const remove = vi.spyOn(signal, 'removeEventListener');
    const answers = [ref.ask({ type: 'one' }, { signal }), ref.ask({ type: 'two' }, { signal })];
    advance();
    await Promise.all(answers);
    expect(remove).toHaveBeenCalledTimes(1);
  });
});

test('an ask whose time is no number is refused, and leaves nothing open', async () => {
  const { system, advance } = createTestSystem();
  const ref = system.spawn(answering);
  const given = { timeoutMs: Number('soon') };
  await expect(ref.ask({ type: 'one' }, given)).rejects.toMatchObject({ code: 'TUTTI_OPTION_INVALID' });
  advance();
  expect(system.pendingAsks).toBe(0);
});

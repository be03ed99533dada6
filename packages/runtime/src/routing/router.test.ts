import { describe, expect, test } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import { createTestSystem, type TestSystem } from '../testing/test-system.ts';
import { createRouter, type RouterOptions } from './router.ts';
import type { RouterStrategy } from './strategies.ts';

type Work = EventObject & { readonly key?: string };

/** Routees that say who they are, and what they got. */
function workers(test: TestSystem, count: number, answers = true) {
  const got: Record<string, string[]> = {};
  const refs = Array.from({ length: count }, (_, i): Ref<Work> => {
    const name = `w${i}`;
    got[name] = [];
    return test.system.spawn(
      replying((_: undefined, event: Work, reply) => {
        if (event.type === 'xstate.stop') return undefined;
        got[name]!.push(event.key ?? event.type);
        if (event.type === 'fail') throw new Error(`${name} fails`);
        if (answers) reply(name);
        return undefined;
      }, undefined),
      { id: name, supervise: false },
    );
  });
  return { got, refs };
}

const routerOver = (test: TestSystem, group: readonly Ref[], strategy: RouterStrategy, rest: object = {}) =>
  createRouter(test.system, { group, strategy, ...rest });

const settled = async (test: TestSystem, asks: readonly Promise<unknown>[]) => {
  test.advance(6_000);
  const ends = await Promise.allSettled(asks);
  return ends.map((end) =>
    end.status === 'fulfilled' ? end.value : ((end.reason as { code: string }).code as unknown),
  );
};

describe('a router', () => {
  test('goes round, and hands on who waits for the answer', async () => {
    const test = createTestSystem();
    const { refs } = workers(test, 3);
    const router = routerOver(test, refs, 'round-robin');
    const asks = Array.from({ length: 7 }, () => router.ask({ type: 'work' }));
    expect(await settled(test, asks)).toEqual(['w0', 'w1', 'w2', 'w0', 'w1', 'w2', 'w0']);
  });

  test('keeps the order of a sender for each routee', () => {
    const test = createTestSystem();
    const { refs, got } = workers(test, 2);
    const router = routerOver(test, refs, 'round-robin');
    for (let i = 0; i < 10; i++) router.send({ type: 'work', key: String(i) } as EventObject);
    test.advance();
    expect(got).toEqual({ w0: ['0', '2', '4', '6', '8'], w1: ['1', '3', '5', '7', '9'] });
  });

  test('prefers who has the fewest messages waiting, and goes round among equals', () => {
    const test = createTestSystem();
    const { refs, got } = workers(test, 3);
    const router = routerOver(test, refs, 'least-mailbox');
    test.advance();
    for (let i = 0; i < 500; i++) refs[0]!.send({ type: 'own' });
    for (let i = 0; i < 30; i++) router.send({ type: 'work' });
    test.advance();
    expect(got['w0']!.filter((type) => type === 'work')).toEqual([]);
    expect(got['w1']!.length).toBe(15);
    expect(got['w2']!.length).toBe(15);
  });

  test('sends everybody each event, and brings every answer or failure back', async () => {
    const test = createTestSystem();
    const { refs, got } = workers(test, 3);
    const router = routerOver(test, refs, 'broadcast');
    router.send({ type: 'hello' });
    const [replies] = await settled(test, [router.ask({ type: 'work' })]);
    expect(replies).toEqual(refs.map(({ address }, i) => ({ address, reply: `w${i}` })));
    expect(Object.values(got)).toEqual([
      ['hello', 'work'],
      ['hello', 'work'],
      ['hello', 'work'],
    ]);
    const [failures] = await settled(test, [router.ask({ type: 'fail' })]);
    expect(failures).toMatchObject(refs.map(() => ({ error: { code: 'TUTTI_ACTOR_FAILED' } })));
  });

  test('brings the answers of the others back where one keeps silent, in time for who asked', async () => {
    const test = createTestSystem();
    const { refs } = workers(test, 2);
    const silent: Ref = test.system.spawn(fromTransition((state: undefined) => state, undefined));
    const router = routerOver(test, [refs[0]!, silent, refs[1]!], 'broadcast');
    const asks = [5_000, 50].map((timeoutMs) => router.ask({ type: 'work' }, { timeoutMs }));
    for (const replies of await settled(test, asks))
      expect(replies).toMatchObject([
        { address: refs[0]!.address, reply: 'w0' },
        { address: silent.address, error: { code: 'TUTTI_ASK_TIMEOUT' } },
        { address: refs[1]!.address, reply: 'w1' },
      ]);
    expect(test.system.pendingAsks).toBe(0);
  });

  test('takes the first answer of all, whoever fails or keeps silent', async () => {
    const test = createTestSystem();
    const silent = workers(test, 2, false).refs;
    const failing = test.system.spawn(
      fromTransition(() => {
        throw new Error('never');
      }, undefined),
      { id: 'failing', supervise: false },
    );
    const answering = test.system.spawn(
      replying((count: number, _: EventObject, reply) => {
        reply('me');
        return count;
      }, 0),
      { id: 'answering' },
    );
    const router = routerOver(test, [...silent, failing, answering] as Ref[], 'scatter-gather');
    expect(await settled(test, [router.ask({ type: 'work' })])).toEqual(['me']);
    const hopeless = routerOver(test, silent, 'scatter-gather');
    expect(await settled(test, [hopeless.ask({ type: 'work' }, { timeoutMs: 100 })])).toEqual([
      'TUTTI_ASK_TIMEOUT',
    ]);
    expect(test.system.pendingAsks).toBe(0);
  });

  test('gives the same key to the same routee, and moves only the keys of one that leaves', async () => {
    const test = createTestSystem();
    const { refs } = workers(test, 5);
    const router = routerOver(test, refs, 'consistent-hash');
    const keys = Array.from({ length: 200 }, (_, i) => `key-${i}`);
    const owners = () =>
      settled(
        test,
        keys.map((key) => router.ask({ type: 'work', key } as EventObject)),
      );
    const before = await owners();
    expect(await owners()).toEqual(before);
    expect(new Set(before).size).toBe(5);
    void refs[2]!.stop();
    test.advance();
    const after = await owners();
    for (const [i, owner] of before.entries())
      if (owner === 'w2') expect(after[i]).not.toBe('w2');
      else expect(after[i]).toBe(owner);
  });

  test('a keyOf that throws fails its ask, and the router goes on', async () => {
    const test = createTestSystem();
    const { refs } = workers(test, 2);
    const keyOf = (event: EventObject) => {
      if (event.type === 'bad') throw new Error('no key');
      return 'k';
    };
    const router = routerOver(test, refs, 'consistent-hash', { keyOf });
    const ends = await settled(test, [router.ask({ type: 'bad' }), router.ask({ type: 'good' })]);
    expect(ends[0]).toBe('TUTTI_ACTOR_FAILED');
    expect(ends[1]).toMatch(/^w\d$/);
  });
});

describe('a group', () => {
  test('loses who ends, sends nothing to them, and says that nobody is left', async () => {
    const test = createTestSystem();
    const { refs, got } = workers(test, 2);
    const router = routerOver(test, refs, 'round-robin');
    test.advance();
    void refs[0]!.stop();
    test.advance();
    for (let i = 0; i < 4; i++) router.send({ type: 'work' });
    test.advance();
    expect(got).toEqual({ w0: [], w1: ['work', 'work', 'work', 'work'] });
    void refs[1]!.stop();
    test.advance();
    router.send({ type: 'lost' });
    expect(await settled(test, [router.ask({ type: 'work' })])).toEqual(['TUTTI_ACTOR_UNKNOWN']);
    expect(test.system.deadLetters.counts()).toMatchObject({
      'no-routee': 2,
      'unknown-actor': 0,
      stopped: 0,
    });
  });

  test('of very many looks at nobody else when one goes', () => {
    const test = createTestSystem();
    let looks = 0;
    const sent: string[] = [];
    const goes: (() => void)[] = [];
    const group = Array.from({ length: 1_000 }, (_, i): Ref => {
      const name = `far:${i}`;
      const stub: Partial<Ref> = {
        get address() {
          looks++;
          return name;
        },
        send: () => void sent.push(name),
        watch(listener) {
          goes.push(() => listener({ address: name, reason: 'stopped' }));
          return () => {};
        },
      };
      return stub as Ref;
    });
    const router = createRouter(test.system, { group });
    test.advance();
    expect([goes.length, looks]).toEqual([1_000, 1_000]);
    for (const [i, go] of goes.entries()) if (i !== 500 && i !== 7) go();
    expect(looks).toBe(1_000);
    for (let i = 0; i < 4; i++) router.send({ type: 'work' });
    test.advance();
    expect(sent).toEqual(['far:7', 'far:500', 'far:7', 'far:500']);
  });

  test('follows a source: who comes gets its share, who goes gets no more', async () => {
    const test = createTestSystem();
    const { refs } = workers(test, 3);
    let tell: (refs: readonly Ref[]) => void = () => {};
    const source = {
      follow(listener: (refs: readonly Ref[]) => void) {
        tell = listener;
        listener([refs[0]!]);
        return () => (tell = () => {});
      },
    };
    const router = createRouter(test.system, { group: source });
    expect(await settled(test, [router.ask({ type: 'a' }), router.ask({ type: 'b' })])).toEqual(['w0', 'w0']);
    tell(refs);
    const four = await settled(
      test,
      Array.from({ length: 3 }, () => router.ask({ type: 'c' })),
    );
    expect(new Set(four)).toEqual(new Set(['w0', 'w1', 'w2']));
    tell([refs[2]!]);
    expect(await settled(test, [router.ask({ type: 'd' })])).toEqual(['w2']);
  });
});

describe('a pool', () => {
  const pool = (logic: ReturnType<typeof fromTransition>, size = 3): RouterOptions => ({
    id: 'pool',
    pool: { logic, size },
  });

  test.each([0, -1, 1.5, Number.NaN])('of %s is refused', (size) => {
    const { system } = createTestSystem();
    const logic = fromTransition((state: undefined) => state, undefined) as ReturnType<typeof fromTransition>;
    expect(() => createRouter(system, pool(logic, size))).toThrow(/pool.size does not take/);
    expect(system.actorCount).toBe(0);
  });

  test('has children of its own, which are restarted when they fail, and ends with them', async () => {
    const test = createTestSystem();
    const router = createRouter(
      test.system,
      pool(
        replying((count: number, event: EventObject, reply) => {
          if (event.type === 'fail') throw new Error('once');
          reply(count);
          return count + 1;
        }, 0) as ReturnType<typeof fromTransition>,
      ),
    );
    test.advance();
    expect(test.system.tree()[0]?.children.map(({ path }) => path)).toEqual([
      'pool/routee-1',
      'pool/routee-2',
      'pool/routee-3',
    ]);
    router.send({ type: 'fail' });
    expect(
      await settled(
        test,
        [1, 2, 3].map(() => router.ask({ type: 'work' })),
      ),
    ).toEqual([0, 0, 0]);
    expect(test.system.tree()[0]?.children.map(({ restarts }) => restarts)).toEqual([1, 0, 0]);
    const gone: string[] = [];
    router.watch(({ reason }) => gone.push(reason));
    for (const { address } of test.system.tree()[0]!.children) void test.system.ref(address).stop();
    test.advance();
    expect(gone).toEqual(['stopped']);
    expect(test.system.actorCount).toBe(0);
  });

  test('that fails too often begins anew with all its routees', async () => {
    const test = createTestSystem();
    const router = createRouter(
      test.system,
      pool(
        replying((_: undefined, event: EventObject, reply) => {
          if (event.type === 'fail') throw new Error('always');
          reply('fine');
          return undefined;
        }, undefined) as ReturnType<typeof fromTransition>,
        1,
      ),
    );
    for (let i = 0; i < 4; i++) router.send({ type: 'fail' });
    test.advance(100);
    expect(await settled(test, [router.ask({ type: 'work' })])).toEqual(['fine']);
    expect(test.system.tree()).toMatchObject([{ restarts: 1, children: [{ restarts: 0 }] }]);
  });
});

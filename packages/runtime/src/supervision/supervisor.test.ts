import { isTuttiError } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { createMachine, type EventObject, fromTransition, setup, spawnChild } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { RestartStrategy } from './decide.ts';
import { type ChildSpec, supervisor } from './supervisor.ts';

/** A worker that notes its starts and ends and what it handles, and fails when told. */
function worker(log: string[], name: string) {
  return fromTransition(
    (context: undefined, event: EventObject) => {
      if (event.type === 'fail') throw new Error(`${name} failed`);
      log.push(event.type === 'xstate.stop' ? `${name} ends` : `${name} ${event.type}`);
      return context;
    },
    () => void log.push(`${name} starts`),
  );
}

function family(strategy: RestartStrategy, more: Partial<ChildSpec> = {}) {
  const test = createTestSystem();
  const log: string[] = [];
  const children = ['a', 'b', 'c'].map((id) => ({ id, logic: worker(log, id), ...more }));
  const ref = test.system.spawn(supervisor({ strategy, children }), { id: 'sup', supervise: false });
  test.advance();
  const child = (id: string): Ref => test.system.ref(`local:test/1/sup/${id}`);
  return { ...test, log, ref, child };
}

describe('strategies', () => {
  test.each([
    ['one-for-one', ['b starts']],
    ['one-for-all', ['c ends', 'a ends', 'a starts', 'b starts', 'c starts']],
    ['rest-for-one', ['c ends', 'b starts', 'c starts']],
  ] as const)('%s: others end last first, and start again first first', (strategy, expected) => {
    const { log, child, advance } = family(strategy);
    expect(log.splice(0)).toEqual(['a starts', 'b starts', 'c starts']);
    child('b').send({ type: 'fail' });
    advance();
    expect(log).toEqual(expected);
  });

  test('two children that fail at once restart the family once more, not into a tangle', () => {
    const { log, child, advance, system } = family('one-for-all');
    child('a').send({ type: 'fail' });
    child('c').send({ type: 'fail' });
    for (const id of ['a', 'b', 'c']) child(id).send({ type: 'hello' });
    advance();
    const times = (line: string) => log.filter((other) => other === line).length;
    for (const id of ['a', 'b', 'c']) expect([times(`${id} starts`), times(`${id} hello`)]).toEqual([2, 1]);
    expect(system.tree()[0]?.children.map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  });

  test('an actor spawned under a supervisor joins its children, last in order', () => {
    const { log, child, advance, ref, system } = family('rest-for-one');
    system.spawn(worker(log, 'd'), { id: 'd', parent: ref });
    advance();
    log.splice(0);
    child('c').send({ type: 'fail' });
    advance();
    expect(log).toEqual(['d ends', 'c starts', 'd starts']);
  });
});

describe('one failing actor', () => {
  const counting = replying((seen: readonly string[], event: { type: string }, reply) => {
    if (event.type === '3') throw new Error('third');
    if (event.type === 'seen') reply(seen);
    return [...seen, event.type];
  }, []);

  test('keeps the rest of its mailbox: 4 to 10 are handled in order at the same address', async () => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(counting, { id: 'x' });
    for (let i = 1; i <= 10; i++) ref.send({ type: String(i) });
    const seen = ref.ask({ type: 'seen' });
    advance();
    expect(await seen).toEqual(['4', '5', '6', '7', '8', '9', '10']);
    expect(system.tree()).toMatchObject([{ path: 'x', restarts: 1, state: 'running' }]);
  });

  test('five siblings that fail once each are all restarted; the one that fails four times escalates alone', () => {
    const { system, advance, escalations } = createTestSystem();
    const refs = Array.from({ length: 5 }, (_, i) => system.spawn(counting, { id: `s${String(i)}` }));
    for (const ref of refs) ref.send({ type: '3' });
    advance();
    expect(escalations).toHaveLength(0);
    for (let i = 0; i < 3; i++) refs[2]!.send({ type: '3' });
    advance();
    expect(escalations.map(({ address }) => address)).toEqual([refs[2]!.address]);
    expect(system.tree().map(({ path }) => path)).toEqual(['s0', 's1', 's3', 's4']);
  });

  test('a ref from before the restart stops the new life', async () => {
    const { system, advance } = createTestSystem();
    const ref = system.spawn(counting);
    ref.send({ type: '3' });
    advance();
    const stopped = ref.stop();
    advance();
    await stopped;
    expect(system.actorCount).toBe(0);
  });

  test('a start that throws is restarted like any failure, and its messages are answered or dead letters', () => {
    const { system, advance, escalations } = createTestSystem();
    let starts = 0;
    const logic = fromTransition(
      (context: number) => context,
      () => {
        starts++;
        if (starts <= 2) throw new Error('cannot start');
        return starts;
      },
    );
    system.spawn(logic, { id: 'slow' });
    advance();
    expect(starts).toBe(3);
    const broken = fromTransition(
      (context: number) => context,
      (): number => {
        throw new Error('never');
      },
    );
    const ref = system.spawn(broken, { id: 'broken' });
    ref.send({ type: 'a' });
    advance();
    expect(escalations).toHaveLength(1);
    expect(system.deadLetters.counts().stopped).toBe(1);
    expect(system.spawn(broken, { id: 'broken' }).address).not.toBe(ref.address);
  });

  test('a done child ends, unless it is permanent', () => {
    const { system, advance } = createTestSystem();
    const once = createMachine({ initial: 'a', states: { a: { on: { END: 'z' } }, z: { type: 'final' } } });
    const transient = system.spawn(once, { id: 't' });
    const permanent = system.spawn(once, { id: 'p', supervise: { restart: 'permanent' } });
    transient.send({ type: 'END' });
    permanent.send({ type: 'END' });
    advance();
    expect(system.tree()).toMatchObject([{ path: 'p', restarts: 1, value: 'a' }]);
  });
});

describe('backoff', () => {
  const backoff = { initialMs: 100, factor: 2, jitter: 0 };

  test('waits before the restart, stashes up to its limit, and then handles what was stashed', () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const ref = system.spawn(worker(log, 'w'), { supervise: { backoff, stashLimit: 3 } });
    advance();
    ref.send({ type: 'fail' });
    advance();
    for (let i = 0; i < 5; i++) ref.send({ type: String(i) });
    advance(99);
    expect(log).toEqual(['w starts']);
    expect(system.deadLetters.counts()['stash-full']).toBe(2);
    advance(1);
    expect(log).toEqual(['w starts', 'w starts', 'w 0', 'w 1', 'w 2']);
    ref.send({ type: 'fail' });
    advance(199);
    expect(log).toHaveLength(5);
    advance(1);
    expect(log).toHaveLength(6);
  });

  test('an actor that waits for its restart can be stopped, and then is not started', async () => {
    const { system, advance, clock } = createTestSystem();
    const log: string[] = [];
    const ref = system.spawn(worker(log, 'w'), { supervise: { backoff } });
    ref.send({ type: 'fail' });
    advance();
    const stopped = ref.stop();
    await stopped;
    advance(1_000);
    expect(log).toEqual(['w starts']);
    expect(clock.nextAt()).toBeUndefined();
  });
});

describe('escalation', () => {
  test('climbs one level at a time, and what restarts brings its children back', () => {
    const { system, advance, escalations } = createTestSystem();
    const log: string[] = [];
    const intensity = { restarts: 0, withinMs: 1_000 };
    const inner = supervisor({
      intensity,
      children: [
        { id: 'w', logic: worker(log, 'w') },
        { id: 'v', logic: worker(log, 'v') },
      ],
    });
    const outer = supervisor({
      intensity: { restarts: 1, withinMs: 1_000 },
      children: [{ id: 'inner', logic: inner }],
    });
    const ref = system.spawn(outer, { id: 'outer', supervise: { intensity } });
    const watcherOf: string[] = [];
    ref.watch(({ reason }) => watcherOf.push(reason));
    advance();
    log.splice(0);
    system.ref('local:test/1/outer/inner/w').send({ type: 'fail' });
    advance();
    expect(log).toEqual(['v ends', 'w starts', 'v starts']);
    expect(escalations).toHaveLength(0);
    system.ref('local:test/1/outer/inner/w').send({ type: 'fail' });
    advance();
    expect(escalations).toMatchObject([
      { address: expect.stringMatching(/^local:test\/1\/outer#/), error: { message: 'w failed' } },
    ]);
    expect(watcherOf).toEqual(['failed']);
    expect(system.actorCount).toBe(0);
  });

  test('supervise: false tells the watchers and nobody else', () => {
    const { system, advance, escalations, probe } = createTestSystem();
    const watcher = probe('watcher');
    const ref = system.spawn(worker([], 'w'), { supervise: false });
    watcher.watch(ref);
    ref.send({ type: 'fail' });
    advance();
    expect(watcher.terminated).toMatchObject([{ reason: 'failed', problem: 'w failed' }]);
    expect(escalations).toHaveLength(0);
  });
});

describe('a supervisor where it cannot be', () => {
  const logic = supervisor({ children: [{ id: 'a', logic: worker([], 'a') }] });
  const { createMachine: machineOf } = setup({ actors: { logic } });

  test.each([
    ['invoked', machineOf({ invoke: { src: 'logic' } })],
    ['spawned', machineOf({ entry: spawnChild('logic') })],
  ])('%s by a machine, fails that', (_, machine) => {
    const { system, advance, escalations } = createTestSystem();
    system.spawn(machine);
    advance(10);
    expect(escalations.map(({ error }) => isTuttiError(error) && error.code)).toEqual([
      'TUTTI_SUPERVISOR_MISPLACED',
    ]);
  });

  test('replicated, is refused', () => {
    const harness = new ClusterHarness(['n1'], (cluster) => {
      expect(() => cluster.replicated('family', logic)).toThrow(/cannot be replicated/);
    });
    harness.boot('n1');
    expect.assertions(1);
  });
});

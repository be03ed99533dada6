import { createOrchestration, type Orchestration, type Plan, simulatedWorker } from '@tutti/actors';
import { type NodeId, seededRandom } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { type Agreement, ClusterHarness } from '../../packages/runtime/src/testing/cluster-harness.ts';

const NODES = ['n1', 'n2', 'n3'];

/** Two chains side by side, of tasks that take a fifth of a second. */
const plan: Plan = {
  name: 'chains',
  orchestrators: ['backend', 'frontend'].map((id) => ({ id, maxConcurrentTasks: 2 })),
  barriers: [],
  tasks: Array.from({ length: 16 }, (_, i) => ({
    id: `t${i}`,
    title: `t${i}`,
    orchestrator: i % 2 ? 'frontend' : 'backend',
    work: { type: 'simulated', durationMs: 200 },
    needs: i < 2 ? [] : [`t${i - 2}`],
    with: {},
    retry: { attemptsMax: 1, backoff: {} },
    timeoutMs: 60_000,
    estimateMs: 200,
    optional: false,
    deliverables: [],
  })),
};

function orchestrated(agreement: Agreement, seed: number) {
  const orchestrations = new Map<NodeId, Orchestration>();
  const harness = new ClusterHarness(
    NODES,
    (cluster, node) => {
      const { clock, ids } = cluster.system;
      const random = seededRandom(seed).fork(`${node} ${cluster.system.incarnation}`);
      const workers = [simulatedWorker(clock)];
      orchestrations.set(node, createOrchestration({ cluster, workers, clock, random, ids }));
    },
    {},
    seed,
    agreement,
  );
  return { harness, on: (name: string) => orchestrations.get(harness.node(name).nodeId)! };
}

test.each(['oracle', 'raft'] as const)('a plan runs to its end on a real cluster (%s)', async (agreement) => {
  const { harness, on } = orchestrated(agreement, 1);
  await harness.start();
  for (const name of NODES) await on(name).start();
  const session = await harness.settle(on('n2').submit(plan));
  const record = await harness.settle(on('n3').waitFor(session));
  expect(record.state).toBe('done');
  expect(new Set([...record.tasks.values()].map(({ attempts }) => attempts[0]!.node)).size).toBeGreaterThan(
    1,
  );
  // Eight steps of 200 ms, and for each some rounds of the log and nothing like a polling interval.
  expect(record.endedAt! - record.openedAt).toBeLessThan(8 * 200 + 8 * 60);
});

test.each([1, 2, 3])(
  'the leader and the master die midway, and every task is completed once (seed %i)',
  async (seed) => {
    const { harness, on } = orchestrated('raft', seed);
    await harness.start();
    for (const name of NODES) await on(name).start();
    const victim = harness.leader!;
    const survivor = NODES.find((name) => name !== victim)!;
    const session = await harness.settle(on(survivor).submit(plan));
    await harness.pass(500);
    harness.crash(victim);
    const record = await harness.settle(on(survivor).waitFor(session), 60_000);
    expect(record.state).toBe('done');
    for (const task of record.tasks.values()) {
      expect(task.completions).toBe(1);
      expect(task.failures).toBe(0);
    }
  },
);

test('the node that hosts the master dies, and another one goes on', async () => {
  const { harness, on } = orchestrated('raft', 5);
  await harness.start();
  for (const name of NODES) await on(name).start();
  const hosts = (name: string) =>
    JSON.stringify(harness.node(name).system.tree()).includes('"logic":"master"');
  const master = NODES.find(hosts)!;
  expect(NODES.filter(hosts)).toEqual([master]);
  const survivor = NODES.find((name) => name !== master)!;
  const session = await harness.settle(on(survivor).submit(plan));
  await harness.pass(500);
  harness.crash(master);
  const record = await harness.settle(on(survivor).waitFor(session), 60_000);
  expect(record.state).toBe('done');
});

test('a node that is stopped on purpose has its tasks done by the others', async () => {
  const { harness, on } = orchestrated('raft', 7);
  await harness.start();
  for (const name of NODES) await on(name).start();
  const session = await harness.settle(on('n2').submit(plan));
  await harness.pass(300);
  await harness.settle(
    on('n3')
      .stop()
      .then(() => harness.node('n3').cluster.stop()),
  );
  const record = await harness.settle(on('n2').waitFor(session), 60_000);
  expect(record.state).toBe('done');
  for (const task of record.tasks.values()) {
    expect(task.completions).toBe(1);
    expect(task.failures).toBe(0);
  }
});

/** What a proposal comes to while there is no leader; of a task whose need did not arrive, that. */
const UNKNOWN = [
  'TUTTI_NO_LEADER',
  'TUTTI_OUTCOME_UNKNOWN',
  'TUTTI_SESSION_EXPIRED',
  'TUTTI_PLAN_NEED_MISSING',
];

test.each([1, 2, 3, 4])(
  'the leader dies while tasks are added: what was acknowledged is there, and nothing twice (seed %i)',
  async (seed) => {
    const { harness, on } = orchestrated('raft', seed);
    await harness.start();
    for (const name of NODES) await on(name).start();
    const victim = harness.leader!;
    const survivor = NODES.find((name) => name !== victim)!;
    const empty = { ...plan, tasks: [] };
    const session = await harness.settle(on(survivor).submit(empty, { staysOpen: true }));
    const random = seededRandom(seed);
    const names = Array.from({ length: 24 }, (_, i) => `a${i}`);
    const add = (id: string, at: number) => {
      const needs = at > 0 && at % 3 === 0 ? [names[at - 1]!] : [];
      const task = {
        ...plan.tasks[0]!,
        id,
        title: id,
        needs,
        work: { type: 'simulated', durationMs: 20 } as const,
      };
      return on(survivor).add(session, [task], { submission: id });
    };
    for (let at = 0; at < names.length; at += 4) {
      const four = names.slice(at, at + 4);
      const adding = four.map((id, i) => add(id, at + i));
      if (at === 8) {
        await harness.pass(random.integer(0, 4));
        harness.crash(victim);
      }
      // Each is tried until it is answered, as somebody would who does not know what became of it.
      for (const [i, first] of adding.entries())
        for (let adds = first; ; adds = add(four[i]!, at + i)) {
          const outcome = await harness.settle(
            adds.catch((thrown: { code: string }) => thrown),
            60_000,
          );
          if (typeof outcome === 'string') break;
          expect(UNKNOWN).toContain(outcome.code);
        }
    }
    await harness.settle(on(survivor).close(session), 60_000);
    const record = await harness.settle(on(survivor).waitFor(session), 60_000);
    expect(record.state).toBe('done');
    expect([...record.tasks.keys()].toSorted()).toEqual(names.toSorted());
    for (const task of record.tasks.values()) expect(task.completions).toBe(1);
  },
);

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ActorLogic, EventObject, Snapshot } from 'xstate';
import type { ActorNodeInfo } from '../system/actor-system.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { RestartType } from './policy.ts';
import { type ChildSpec, supervisor } from './supervisor.ts';

/** A tree of supervisors of all kinds, in which leaves fail, end, fail to start, are told to stop, and time goes by. */
interface Branch {
  readonly strategy: 'one-for-one' | 'one-for-all' | 'rest-for-one';
  readonly backoffMs: number;
  readonly restart: RestartType;
  readonly below: readonly (Branch | RestartType)[];
}

const restartArb = fc.constantFrom<RestartType>('permanent', 'permanent', 'transient', 'temporary');
const { branch: branchArb } = fc.letrec<{ branch: Branch }>((tie) => ({
  branch: fc.record({
    strategy: fc.constantFrom('one-for-one', 'one-for-all', 'rest-for-one'),
    backoffMs: fc.constantFrom(0, 0, 50),
    restart: restartArb,
    below: fc.array(fc.oneof({ depthSize: 'small', withCrossShrink: true }, restartArb, tie('branch')), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
}));

const stepArb = fc.oneof(
  fc.record({
    leaf: fc.nat(30),
    how: fc.constantFrom('abnormal', 'abnormal', 'abnormal', 'normal', 'shutdown', 'stop', 'poison'),
  }),
  fc.record({ waitMs: fc.constantFrom(0, 1, 30, 100) }),
);

/** What everybody agrees to have seen. */
class Ledger {
  readonly up = new Set<string>();
  readonly leaves: string[] = [];
  /** Starts that are to fail, by leaf. */
  readonly poison = new Map<string, number>();
  readonly broken: string[] = [];

  leaf(path: string): ActorLogic<Snapshot<unknown>, EventObject> {
    this.leaves.push(path);
    const state = (status: string): Snapshot<unknown> =>
      ({ status, output: undefined, error: undefined }) as Snapshot<unknown>;
    return {
      getInitialSnapshot: () => {
        if (this.up.has(path)) this.broken.push(`${path} was started twice`);
        const left = this.poison.get(path) ?? 0;
        this.poison.set(path, Math.max(0, left - 1));
        if (left > 0) throw new Error(`${path} cannot start`);
        this.up.add(path);
        return state('active');
      },
      transition: (snapshot, { type }) => {
        if (!this.up.has(path)) this.broken.push(`${path} got ${type} after its end`);
        if (type === 'hello') return snapshot;
        this.up.delete(path);
        if (type === 'abnormal') throw new Error(`${path} crashed`);
        return type === 'xstate.stop' ? snapshot : state(type === 'normal' ? 'done' : 'stopped');
      },
      getPersistedSnapshot: (snapshot) => snapshot,
    };
  }

  specs(branch: Branch, path: string): ChildSpec[] {
    return branch.below.map((each, at): ChildSpec => {
      const id = `c${String(at)}`;
      if (typeof each === 'string')
        return { id, logic: this.leaf(`${path}/${id}`), policy: { restart: each } };
      return { id, logic: this.supervisor(each, `${path}/${id}`), policy: { restart: each.restart } };
    });
  }

  supervisor(branch: Branch, path: string) {
    return supervisor({
      strategy: branch.strategy,
      intensity: { restarts: 2, withinMs: 1_000 },
      ...(branch.backoffMs > 0 && { backoff: { initialMs: branch.backoffMs, jitter: 0, factor: 1 } }),
      children: this.specs(branch, path),
    });
  }
}

const flat = (nodes: readonly ActorNodeInfo[]): ActorNodeInfo[] =>
  nodes.flatMap((node) => [node, ...flat(node.children)]);

/** Children that must be there while their supervisor is. */
function missing(branch: Branch, path: string, paths: ReadonlySet<string>): string[] {
  return branch.below.flatMap((each, at) => {
    const below = `${path}/c${String(at)}`;
    const restart = typeof each === 'string' ? each : each.restart;
    if (!paths.has(below)) return restart === 'permanent' ? [below] : [];
    return typeof each === 'string' ? [] : missing(each, below, paths);
  });
}

test('whatever happens, everybody is up once or not at all, and in the end whoever must be there is', async () => {
  let restarts = 0;
  let escalated = 0;
  await fc.assert(
    fc.asyncProperty(branchArb, fc.array(stepArb, { maxLength: 25 }), async (branch, steps) => {
      const { system, advance, clock, escalations } = createTestSystem();
      const ledger = new Ledger();
      system.spawn(ledger.supervisor(branch, 'top'), {
        id: 'top',
        supervise: { restart: 'permanent', intensity: { restarts: 1, withinMs: 1_000 } },
      });
      advance();
      const stopped = new Set<string>();
      for (const step of steps) {
        if ('waitMs' in step) {
          advance(step.waitMs);
          continue;
        }
        const path = ledger.leaves[step.leaf % ledger.leaves.length]!;
        const ref = system.ref(`local:test/1/${path}`);
        if (step.how === 'poison') ledger.poison.set(path, 2);
        else if (step.how === 'stop') {
          stopped.add(path);
          void ref.stop();
        } else ref.send({ type: step.how });
      }
      advance(60_000);
      expect(ledger.broken).toEqual([]);
      const nodes = flat(system.tree());
      expect(nodes.filter(({ state }) => state !== 'running')).toEqual([]);
      const paths = new Set(nodes.map(({ path }) => path));
      expect([...paths].filter((path) => ledger.leaves.includes(path)).sort()).toEqual([...ledger.up].sort());
      expect(system.actorCount).toBe(paths.size);
      if (paths.size > 0)
        expect(missing(branch, 'top', paths).filter((path) => !stopped.has(path))).toEqual([]);
      else expect(escalations).toHaveLength(1);
      restarts += nodes.reduce((sum, node) => sum + node.restarts, 0);
      escalated += escalations.length;
      const ended = system.stop();
      advance(60_000);
      await ended;
      expect([ledger.up.size, system.actorCount, clock.nextAt(), ledger.broken]).toEqual([
        0,
        0,
        undefined,
        [],
      ]);
    }),
    { numRuns: 1_500, seed: 17 },
  );
  expect(restarts).toBeGreaterThan(1_000);
  expect(escalated).toBeGreaterThan(10);
});

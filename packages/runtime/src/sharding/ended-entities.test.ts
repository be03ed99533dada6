import { canonicalJson, incarnation, logIndex, nodeId, type WireValue } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { reply } from '../actor/reply.ts';
import { CLUSTER_LEVEL } from '../cluster/cluster-level.ts';
import { type Life, Membership } from '../cluster/membership.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { ENDED_MAX } from './ended-entities.ts';
import { type EntityEntry, EntityStates, isEnded } from './entity-states.ts';
import { shardOf } from './shard-id.ts';
import { ShardMap } from './shard-map.ts';

const LIFE = { nodeId: nodeId('n1'), incarnation: incarnation(1) };

/** One node that owns everything, and the log as a counter. */
class World {
  readonly membership = new Membership();
  readonly shards = new ShardMap(this.membership);
  readonly states = new EntityStates(this.shards, () => this.membership.level);
  index = 0;
  life: Life = LIFE;

  constructor(level = CLUSTER_LEVEL) {
    this.membership.apply({ type: 'join', ...LIFE, labels: {}, level }, { index: logIndex(1), timeMs: 1 });
    this.shards.apply({ type: 'configure', shards: 1 });
    this.shards.apply({ type: 'assign', moves: [{ shard: 0, epoch: 0, ...LIFE }] });
  }

  /** The only member comes back as one of the present version, and takes the shard again. */
  raise(): void {
    this.life = { ...this.life, incarnation: incarnation(2) };
    const context = { index: logIndex(1), timeMs: 1 };
    this.membership.apply({ type: 'join', ...this.life, labels: {}, level: CLUSTER_LEVEL }, context);
    this.shards.apply({ type: 'assign', moves: [{ shard: 0, epoch: 1, ...this.life }] });
  }

  commit(key: string, version: number, snapshot: unknown, more: Partial<EntityEntry> = {}): string {
    const entries = [{ kind: 'job', key, epoch: 1, version, snapshot, ...more }];
    const context = { index: logIndex(++this.index), timeMs: 1 };
    return this.states.apply({ type: 'commit', ...LIFE, entries }, context)[0]!;
  }

  /** An entity that is made, and ends. */
  live(key: string, bornAt = this.index): readonly string[] {
    const first = this.commit(
      key,
      1,
      { status: 'active', context: { work: 'much of it '.repeat(40) } },
      { bornAt },
    );
    return [first, this.commit(key, 2, { status: 'done', context: { work: 'x'.repeat(400) }, output: key })];
  }

  get bytes(): number {
    return [...this.states.snapshot()].reduce(
      (sum: number, part: WireValue) => sum + canonicalJson(part).length,
      0,
    );
  }

  get(key: string) {
    return this.states.get({ kind: 'job', key });
  }
}

describe('an entity that has ended', () => {
  it('leaves a small mark in the state, with a small output, and takes nothing more', () => {
    const world = new World();
    expect(world.live('a')).toEqual(['committed', 'committed']);
    expect(world.states.counts()).toEqual({ job: 0 });
    expect(world.states.ended).toBe(1);
    expect(isEnded(world.get('a'))).toBe(true);
    expect(world.get('a')).toMatchObject({ snapshot: { status: 'done', output: 'a' }, version: 2 });
    for (const version of [1, 2, 3])
      expect(world.commit('a', version, { status: 'active' })).toBe('conflict');
    expect(world.bytes).toBeLessThan(120);
  });

  it('leaves no output that is large', () => {
    const world = new World();
    world.commit('a', 1, { status: 'done', output: 'x'.repeat(10_000) });
    expect(isEnded(world.get('a'))).toBe(true);
    expect(world.bytes).toBeLessThan(120);
  });

  it('is kept whole while a member is of the version before', () => {
    const world = new World(1);
    world.live('a');
    expect(world.states.counts()).toEqual({ job: 1 });
    expect(world.states.ended).toBe(0);
    expect(isEnded(world.get('a'))).toBe(true);
  });

  it('is removed with the first commit after the last member of the version before is gone', () => {
    const world = new World(1);
    world.live('a');
    world.commit('b', 1, { status: 'active' });
    const early = new EntityStates(world.shards, () => world.membership.level);
    early.restore([...world.states.snapshot()]);
    world.raise();
    for (const states of [world.states, early]) {
      const entries = [
        { kind: 'job', key: 'c', epoch: 2, version: 1, snapshot: { status: 'active' }, bornAt: 3 },
      ];
      states.apply({ type: 'commit', ...world.life, entries }, { index: logIndex(9), timeMs: 1 });
      expect(states.counts()).toEqual({ job: 2 });
      expect(states.ended).toBe(1);
      expect(isEnded(states.get({ kind: 'job', key: 'a' }))).toBe(true);
    }
    expect([...early.snapshot()]).toEqual([...world.states.snapshot()]);
    const copy = new EntityStates(world.shards, () => world.membership.level);
    copy.restore([...world.states.snapshot()]);
    expect([...copy.snapshot()]).toEqual([...world.states.snapshot()]);
  });

  it('is remembered as such within a bound, and after a restore', () => {
    const world = new World();
    const over = 10;
    for (let i = 0; i < ENDED_MAX + over; i++)
      world.commit(`k${i}`, 1, { status: 'done' }, { bornAt: world.index });
    expect(world.states.ended).toBe(ENDED_MAX);
    expect(world.get(`k${over - 1}`)).toBeUndefined();
    expect(isEnded(world.get(`k${over}`))).toBe(true);
    const copy = new EntityStates(world.shards, () => world.membership.level);
    copy.restore([...world.states.snapshot()]);
    expect(copy.ended).toBe(ENDED_MAX);
    expect([...copy.snapshot()]).toEqual([...world.states.snapshot()]);
    // What both forget next is the same.
    const next = {
      type: 'commit',
      ...LIFE,
      entries: [
        { kind: 'job', key: 'next', epoch: 1, version: 1, snapshot: { status: 'done' }, bornAt: world.index },
      ],
    };
    const context = { index: logIndex(world.index + 1), timeMs: 1 };
    expect(copy.apply(next, context)).toEqual(world.states.apply(next, context));
    expect(copy.get({ kind: 'job', key: `k${over}` })).toBeUndefined();
    expect(isEnded(copy.get({ kind: 'job', key: `k${over + 1}` }))).toBe(true);
  });

  it('may begin anew once it is forgotten, but nothing of its earlier life passes for the new one', () => {
    const world = new World();
    world.live('a', 0);
    const beforeItsEnd = 1;
    for (let i = 0; i < ENDED_MAX; i++) world.commit(`k${i}`, 1, { status: 'done' }, { bornAt: world.index });
    expect(world.get('a'), 'forgotten').toBeUndefined();
    const late = { status: 'active', context: { work: 'heard of again' } };
    expect(world.commit('a', 1, late, { bornAt: 0 })).toBe('conflict');
    expect(world.commit('a', 1, late, { bornAt: beforeItsEnd })).toBe('conflict');
    expect(world.commit('a', 1, late), 'without saying when').toBe('conflict');
    expect(world.commit('a', 1, { status: 'active' }, { bornAt: world.index })).toBe('committed');
  });

  it('and those that must be woken are known by shard after a restore, although the number of shards comes later', () => {
    const world = new World();
    const timers = [{ id: 't', event: { type: 'ring' }, at: 5 }];
    world.commit('a', 1, { status: 'active' }, { timers, bornAt: 0 });
    world.commit('b', 1, { status: 'active' }, { bornAt: 0 });
    const shards = new ShardMap(world.membership);
    const copy = new EntityStates(shards);
    const restorer = copy.restorer();
    for (const part of world.states.snapshot()) restorer.add(part);
    shards.apply({ type: 'configure', shards: 7 });
    restorer.finish();
    const shard = shardOf('job', 'a', 7);
    expect([...copy.wakeful(shard)]).toEqual([expect.objectContaining({ key: 'a', timers })]);
    for (let other = 0; other < 7; other++) if (other !== shard) expect([...copy.wakeful(other)]).toEqual([]);
  });

  it('is gone from a snapshot that was begun before, and is still in that one', () => {
    const world = new World();
    world.commit('a', 1, { status: 'active' });
    const parts = world.states.snapshot();
    world.commit('a', 2, { status: 'done' });
    expect([...parts]).toEqual([expect.objectContaining({ key: 'a', version: 1 }), { forgotten: 0 }]);
  });
});

describe('in a cluster', () => {
  const job = setup({ types: { context: {} as { steps: number } } }).createMachine({
    context: { steps: 0 },
    initial: 'open',
    output: ({ context }) => context.steps,
    states: {
      open: {
        on: {
          step: { actions: [assign({ steps: ({ context }) => context.steps + 1 }), reply('ok')] },
          end: { target: 'over', actions: reply('over') },
        },
      },
      over: { type: 'final' },
    },
  });

  it('whoever subscribes sees the last snapshot, whoever watches hears of the end, and whoever comes later too', async () => {
    const harness = new ClusterHarness(['n1', 'n2', 'n3'], (cluster) => void cluster.entity('job', job));
    await harness.start();
    const ref = harness.node('n1').cluster.ref('job', 'a');
    const snapshots: unknown[] = [];
    const notices: unknown[] = [];
    harness
      .node('n2')
      .cluster.ref('job', 'a')
      .subscribe((snapshot) => snapshots.push(snapshot));
    harness
      .node('n3')
      .cluster.ref('job', 'a')
      .watch((notice) => notices.push(notice));
    await harness.settle(ref.ask({ type: 'step' }));
    await harness.settle(ref.ask({ type: 'end' }));
    await harness.pass(100);
    expect(snapshots.at(-1)).toMatchObject({ status: 'done', context: { steps: 1 }, output: 1 });
    expect(notices).toEqual([{ address: ref.address, reason: 'done' }]);
    expect(harness.node('n2').cluster.status()).toMatchObject({ stored: { job: 0 }, ended: 1, entities: {} });
    const later: unknown[] = [];
    ref.watch((notice) => later.push(notice));
    ref.subscribe((snapshot) => later.push(snapshot));
    await harness.pass(10);
    expect(later).toEqual([
      { address: ref.address, reason: 'done' },
      { status: 'done', output: 1 },
    ]);
    await expect(harness.settle(ref.ask({ type: 'step' }))).rejects.toMatchObject({
      code: 'TUTTI_ACTOR_UNKNOWN',
    });
  });
});

import { incarnation, logIndex, type NodeId, nodeId } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Life, Membership } from '../cluster/membership.ts';
import { idealOwners } from './allocation.ts';
import { EntityStates } from './entity-states.ts';
import { planRebalance } from './rebalance.ts';
import { shardOf } from './shard-id.ts';
import { type Shard, type ShardCommand, ShardMap, sameLife } from './shard-map.ts';

const SHARDS = 6;
const context = { index: logIndex(1), timeMs: 1 };
const life = (node: string, number = 1): Life => ({ nodeId: nodeId(node), incarnation: incarnation(number) });

class World {
  readonly membership = new Membership();
  readonly map = new ShardMap(this.membership);
  readonly states = new EntityStates(this.map);

  constructor(...nodes: string[]) {
    this.map.apply({ type: 'configure', shards: SHARDS });
    for (const node of nodes) this.join(node);
  }

  join(node: string, number = 1): void {
    this.membership.apply({ type: 'join', ...life(node, number), labels: {} }, context);
  }

  tell(type: 'leave' | 'left', node: string): void {
    this.membership.apply({ type, ...life(node) }, context);
  }

  lose(node: string, by: string): void {
    const { nodeId: accuser, incarnation: byIncarnation } = life(by);
    this.membership.apply({ type: 'lost', ...life(node), by: accuser, byIncarnation }, context);
  }

  apply(command: ShardCommand): readonly number[] {
    return this.map.apply(command);
  }

  assign(shard: number, epoch: number, node: string): readonly number[] {
    return this.apply({ type: 'assign', moves: [{ shard, epoch, ...life(node) }] });
  }

  move(shard: number, epoch: number, node: string): readonly number[] {
    return this.apply({ type: 'move', moves: [{ shard, epoch, ...life(node) }] });
  }

  released(shard: number, epoch: number, node: string): readonly number[] {
    return this.apply({ type: 'released', ...life(node), shards: [{ shard, epoch }] });
  }

  plan(now = 0, lostAt?: number, movesMax = 100) {
    const { membership } = this;
    return planRebalance({
      shards: this.map.list(),
      membership,
      lostAt: () => lostAt,
      allocate: idealOwners,
      takeoverWaitMs: 100,
      movesMax,
      now,
    });
  }
}

describe('the shard map', () => {
  it('gives a shard a new epoch with each owner, and hands over only when the old owner has let go', () => {
    const world = new World('n1', 'n2');
    world.assign(0, 0, 'n1');
    expect(world.map.get(0)).toMatchObject({ epoch: 1, owner: life('n1') });
    world.move(0, 1, 'n2');
    expect(world.map.get(0)).toMatchObject({ epoch: 1, owner: life('n1'), target: life('n2') });
    world.released(0, 1, 'n1');
    expect(world.map.get(0)).toEqual({ epoch: 2, owner: life('n2'), target: undefined });
  });

  it.each<[string, (world: World) => readonly number[]]>([
    ['takes no shard from an owner that lives', (world) => world.assign(0, 1, 'n2')],
    ['changes nothing for a command of an earlier epoch', (world) => world.move(0, 0, 'n2')],
    ['lets nobody but the owner release a shard', (world) => world.released(0, 1, 'n2')],
    ['lets an owner release only what it is asked for', (world) => world.released(0, 1, 'n1')],
    ['gives nothing to a node that is no member', (world) => world.move(0, 1, 'n9')],
    [
      'gives nothing to a node that leaves',
      (world) => {
        world.tell('leave', 'n2');
        return world.move(0, 1, 'n2');
      },
    ],
  ])('%s', (_, command) => {
    const world = new World('n1', 'n2');
    world.assign(0, 0, 'n1');
    expect(command(world)).toEqual([]);
    expect(world.map.get(0)).toEqual({ epoch: 1, owner: life('n1'), target: undefined });
  });

  it('leaves a shard without an owner when its next one was lost meanwhile', () => {
    const world = new World('n1', 'n2', 'n3');
    world.assign(0, 0, 'n1');
    world.move(0, 1, 'n2');
    world.lose('n2', 'n3');
    world.released(0, 1, 'n1');
    expect(world.map.get(0)).toEqual({ epoch: 2, owner: undefined, target: undefined });
  });

  it('never lets two lives write for one shard, whatever is proposed', () => {
    const command = fc.record({
      what: fc.constantFrom('assign', 'move', 'released', 'join', 'lose', 'leave', 'left'),
      shard: fc.integer({ min: 0, max: SHARDS }),
      epoch: fc.integer({ min: 0, max: 4 }),
      node: fc.constantFrom('n1', 'n2', 'n3'),
      by: fc.constantFrom('n1', 'n2', 'n3'),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80 }), (list) => {
        const world = new World('n1', 'n2', 'n3');
        const writers = new Map<string, NodeId>();
        let before: readonly Shard[] = world.map.list().map((shard) => shard);
        for (const { what, shard, epoch, node, by } of list) {
          try {
            if (what === 'assign' || what === 'move' || what === 'released') world[what](shard, epoch, node);
            else if (what === 'join') world.join(node, epoch + 1);
            else if (what === 'lose') world.lose(node, by);
            else world.tell(what, node);
          } catch {
            // A refused change of the members.
          }
          const now = world.map.list().map((item) => item);
          now.forEach((item, at) => {
            expect(item.epoch).toBeGreaterThanOrEqual(before[at]!.epoch);
            if (!sameLife(item.owner, before[at]!.owner)) expect(item.epoch).toBe(before[at]!.epoch + 1);
            if (!item.owner) return;
            const key = `${at}/${item.epoch}`;
            expect(writers.get(key) ?? item.owner.nodeId).toBe(item.owner.nodeId);
            writers.set(key, item.owner.nodeId);
          });
          before = now;
        }
        const copy = new ShardMap(world.membership);
        copy.restore(JSON.parse(JSON.stringify([...world.map.snapshot()])) as unknown[]);
        expect(copy.list()).toEqual(world.map.list());
      }),
      { numRuns: 200 },
    );
  });

  it('refuses another number of shards, and takes the same one again', () => {
    const world = new World('n1');
    expect(world.apply({ type: 'configure', shards: SHARDS })).toEqual([]);
    expect(() => world.apply({ type: 'configure', shards: 7 })).toThrow(/6 shards/);
  });
});

describe('the plan of the coordinator', () => {
  it('gives free shards away at once, and those of a lost owner only after the wait', () => {
    const world = new World('n1', 'n2');
    expect(world.plan().assign).toHaveLength(SHARDS);
    world.apply({ type: 'assign', moves: world.plan().assign });
    world.lose('n1', 'n2');
    const owned = world.map.list().filter(({ owner }) => owner?.nodeId === 'n1').length;
    expect(owned).toBeGreaterThan(0);
    expect(world.plan(150, 60)).toEqual({ assign: [], move: [], waitMs: 10 });
    expect(world.plan(160, 60).assign).toHaveLength(owned);
  });

  it('moves a bounded number at a time, counting those under way, and none for its own sake', () => {
    const world = new World('n1');
    world.apply({ type: 'assign', moves: world.plan().assign });
    expect(world.plan().move).toEqual([]);
    world.join('n2');
    const wanted = world.plan().move.length;
    expect(wanted).toBeGreaterThan(1);
    const [first] = world.plan(0, undefined, 1).move;
    world.apply({ type: 'move', moves: [first!] });
    expect(world.plan(0, undefined, 1).move).toEqual([]);
    expect(world.plan(0, undefined, 2).move).toHaveLength(1);
    expect(world.plan().move).toHaveLength(wanted - 1);
  });

  it('moves everything away from a node that leaves, before it evens out', () => {
    const world = new World('n1', 'n2');
    world.apply({ type: 'assign', moves: world.plan().assign });
    const leaving = world.map.list().flatMap(({ owner }, shard) => (owner?.nodeId === 'n1' ? [shard] : []));
    world.join('n3');
    world.tell('leave', 'n1');
    const first = world.plan(0, undefined, leaving.length).move.map(({ shard }) => shard);
    expect(first).toEqual(leaving);
  });
});

describe('the entity states', () => {
  const KEY = 'a';
  const SHARD = shardOf('cart', KEY, SHARDS);
  const commit = (world: World, node: string, epoch: number, version: number) =>
    world.states.apply(
      {
        type: 'commit',
        ...life(node),
        entries: [{ kind: 'cart', key: KEY, epoch, version, snapshot: { by: node, version } }],
      },
      context,
    );

  it('take a commit only from the owner, in its epoch, as the next version', () => {
    const world = new World('n1', 'n2');
    world.assign(SHARD, 0, 'n1');
    expect(commit(world, 'n2', 1, 1)).toEqual(['stale']);
    expect(commit(world, 'n1', 0, 1)).toEqual(['stale']);
    expect(commit(world, 'n1', 1, 2)).toEqual(['conflict']);
    expect(commit(world, 'n1', 1, 1)).toEqual(['committed']);
    expect(commit(world, 'n1', 1, 1)).toEqual(['conflict']);
    world.move(SHARD, 1, 'n2');
    expect(commit(world, 'n1', 1, 2)).toEqual(['committed']);
    world.released(SHARD, 1, 'n1');
    expect(commit(world, 'n1', 1, 3)).toEqual(['stale']);
    expect(commit(world, 'n2', 2, 3)).toEqual(['committed']);
    expect(world.states.get({ kind: 'cart', key: KEY })).toMatchObject({ version: 3, epoch: 2 });
  });

  it('take nothing more from an owner that was lost, although nobody has its shard yet', () => {
    const world = new World('n1', 'n2');
    world.assign(SHARD, 0, 'n1');
    world.lose('n1', 'n2');
    expect(commit(world, 'n1', 1, 1)).toEqual(['stale']);
  });

  it('come back from their snapshot', () => {
    const world = new World('n1');
    world.assign(SHARD, 0, 'n1');
    commit(world, 'n1', 1, 1);
    const parts = world.states.snapshot();
    commit(world, 'n1', 1, 2);
    const copy = new EntityStates(world.map);
    copy.restore(parts);
    expect(copy.get({ kind: 'cart', key: KEY })).toMatchObject({
      version: 1,
      snapshot: { by: 'n1', version: 1 },
    });
    expect(copy.counts()).toEqual({ cart: 1 });
  });
});

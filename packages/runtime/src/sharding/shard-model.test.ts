import { incarnation, logIndex, nodeId } from '@tutti/kernel';
import { getShortestPaths } from '@xstate/graph';
import { describe, expect, it } from 'vitest';
import { and, getNextSnapshot, not, setup, stateIn } from 'xstate';
import { type Life, Membership } from '../cluster/membership.ts';
import { ShardMap } from './shard-map.ts';

/**
 * One shard and two nodes that may have it, as a machine: what the map should do with each command in each state. The
 * paths to all its states, and every command in each, are then taken on the real map.
 */
type ShardEvent = { type: Command };
type Command =
  | 'assign to a'
  | 'assign to b'
  | 'move to a'
  | 'move to b'
  | 'a releases'
  | 'b releases'
  | 'a is lost'
  | 'b is lost';
const COMMANDS: readonly Command[] = [
  'assign to a',
  'assign to b',
  'move to a',
  'move to b',
  'a releases',
  'b releases',
  'a is lost',
  'b is lost',
];

const upA = stateIn({ a: 'up' });
const upB = stateIn({ b: 'up' });

const shardMachine = setup({
  types: { events: {} as ShardEvent },
  guards: {
    'a is up': upA,
    'b is up': upB,
    'both are up': and([upA, upB]),
    'only a is up': and([not(upB), upA]),
    'only b is up': and([not(upA), upB]),
  },
}).createMachine({
  type: 'parallel',
  states: {
    a: { initial: 'up', states: { up: { on: { 'a is lost': 'lost' } }, lost: {} } },
    b: { initial: 'up', states: { up: { on: { 'b is lost': 'lost' } }, lost: {} } },
    shard: {
      initial: 'free',
      states: {
        free: {
          on: {
            'assign to a': { guard: 'a is up', target: 'of a' },
            'assign to b': { guard: 'b is up', target: 'of b' },
          },
        },
        'of a': {
          on: {
            'assign to b': { guard: 'only b is up', target: 'of b' },
            'move to b': { guard: 'both are up', target: 'from a to b' },
          },
        },
        'of b': {
          on: {
            'assign to a': { guard: 'only a is up', target: 'of a' },
            'move to a': { guard: 'both are up', target: 'from b to a' },
          },
        },
        'from a to b': {
          on: {
            'assign to b': { guard: 'only b is up', target: 'of b' },
            'a releases': [{ guard: 'b is up', target: 'of b' }, { target: 'free' }],
          },
        },
        'from b to a': {
          on: {
            'assign to a': { guard: 'only a is up', target: 'of a' },
            'b releases': [{ guard: 'a is up', target: 'of a' }, { target: 'free' }],
          },
        },
      },
    },
  },
});

const context = { index: logIndex(1), timeMs: 1 };
const life = (node: string): Life => ({ nodeId: nodeId(node), incarnation: incarnation(1) });

/** The real map of one shard; a third member accuses, and takes nothing. */
class RealShard {
  readonly membership = new Membership();
  readonly map = new ShardMap(this.membership);

  constructor() {
    this.map.apply({ type: 'configure', shards: 1 });
    for (const node of ['a', 'b', 'c'])
      this.membership.apply({ type: 'join', ...life(node), labels: {} }, context);
  }

  /** @param late A command that was made in an earlier epoch. */
  run(command: Command, late = false): void {
    const epoch = Math.max(0, this.map.get(0).epoch - (late ? 1 : 0));
    const node =
      command.includes('a releases') || command === 'a is lost' || command.endsWith(' a') ? 'a' : 'b';
    const move = { shard: 0, epoch, ...life(node) };
    if (command.startsWith('assign')) this.map.apply({ type: 'assign', moves: [move] });
    else if (command.startsWith('move')) this.map.apply({ type: 'move', moves: [move] });
    else if (command.endsWith('releases'))
      this.map.apply({ type: 'released', ...life(node), shards: [{ shard: 0, epoch }] });
    else if (this.membership.isAlive(life(node)))
      this.membership.apply(
        { type: 'lost', ...life(node), by: nodeId('c'), byIncarnation: incarnation(1) },
        context,
      );
  }

  /** As the model names it. */
  value(): unknown {
    const { owner, target } = this.map.get(0);
    const of = owner ? `of ${owner.nodeId}` : 'free';
    const alive = (node: string) => (this.membership.isAlive(life(node)) ? 'up' : 'lost');
    return {
      a: alive('a'),
      b: alive('b'),
      shard: target ? `from ${owner!.nodeId} to ${target.nodeId}` : of,
    };
  }

  writers(): readonly string[] {
    const { epoch } = this.map.get(0);
    return ['a', 'b', 'c'].filter((node) => this.map.isOwnedBy(life(node), { shard: 0, epoch }));
  }
}

describe('the map of one shard', () => {
  const paths = getShortestPaths(shardMachine, { events: COMMANDS.map((type) => ({ type })) });

  /** The commands of a path, without the one that starts the machine. */
  const commandsOf = (path: (typeof paths)[number]): readonly Command[] =>
    path.steps
      .map(({ event }) => event.type as string)
      .filter((type): type is Command => COMMANDS.includes(type as Command));

  function realAfter(commands: readonly Command[]): RealShard {
    const real = new RealShard();
    for (const command of commands) real.run(command);
    return real;
  }

  it('has every state of the model within reach', () => {
    expect(paths.length).toBeGreaterThanOrEqual(16);
  });

  it('is in the state of the model after every path, and one node at most may write', () => {
    for (const path of paths) {
      const real = realAfter(commandsOf(path));
      expect(real.value(), commandsOf(path).join(', ')).toEqual(path.state.value);
      expect(real.writers().length).toBeLessThanOrEqual(1);
    }
  });

  it('does in every state with every command what the model does, and a new owner is a new epoch', () => {
    for (const path of paths)
      for (const command of COMMANDS) {
        const real = realAfter(commandsOf(path));
        const before = real.map.get(0);
        real.run(command);
        const after = real.map.get(0);
        const model = getNextSnapshot(shardMachine, path.state, { type: command });
        expect(real.value(), `${commandsOf(path).join(', ')}, then ${command}`).toEqual(model.value);
        const isNewOwner = before.owner?.nodeId !== after.owner?.nodeId;
        expect(after.epoch).toBe(before.epoch + (isNewOwner ? 1 : 0));
      }
  });

  it('does nothing with a command of an earlier epoch, in whichever state', () => {
    for (const path of paths)
      for (const command of COMMANDS.filter((one) => !one.endsWith('lost'))) {
        const real = realAfter(commandsOf(path));
        if (real.map.get(0).epoch === 0) continue;
        const before = real.value();
        real.run(command, true);
        expect(real.value(), `${commandsOf(path).join(', ')}, then a late ${command}`).toEqual(before);
      }
  });
});

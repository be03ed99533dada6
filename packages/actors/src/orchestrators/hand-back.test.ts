import { incarnation, logIndex, nodeId, silentLogger, TuttiError, VirtualClock } from '@tutti/kernel';
import type { MemberState, ModuleWatcher } from '@tutti/runtime';
import { describe, expect, it } from 'vitest';
import type { BoardCommand } from '../coordination/board/commands.ts';
import { HandBoard } from '../testing/board-with.ts';
import { planOf } from '../testing/plan-of.ts';
import { SimMembers } from '../testing/sim-world.ts';
import { handBackWhenLeaving } from './hand-back.ts';

const HOLDER = { node: nodeId('n1'), incarnation: incarnation(1) };

/** A node that has stopped its orchestrators, and a log that answers in the same turn. */
class Bench {
  readonly hand = new HandBoard();
  readonly members = new SimMembers(new VirtualClock());
  readonly #watchers = new Set<ModuleWatcher>();
  hasLeader = true;
  readonly stop: () => void;

  constructor() {
    this.hand.open('s', planOf([{ id: 'a' }, { id: 'b' }, { id: 'c' }]));
    this.say('up');
    this.stop = handBackWhenLeaving({
      board: {
        module: this.hand.board,
        propose: async <Result>(command: unknown) => {
          if (!this.hasLeader) throw new TuttiError('TUTTI_NO_LEADER', { known: 'none' });
          this.apply(command as BoardCommand);
          return {} as Result;
        },
        readBarrier: () => Promise.resolve(logIndex(0)),
        logger: silentLogger,
        watch: (watcher) => {
          this.#watchers.add(watcher);
          return () => this.#watchers.delete(watcher);
        },
      },
      members: this.members,
      holder: HOLDER,
      logger: silentLogger,
    });
  }

  say(state: MemberState, life = HOLDER.incarnation): void {
    this.members.set(HOLDER.node, life, state);
  }

  apply(command: BoardCommand): void {
    this.hand.apply(command);
    const context = { index: logIndex(1), timeMs: 1 };
    for (const watcher of this.#watchers) watcher.applied?.(command, {}, context);
  }

  /** One task is given to the node. */
  give(task: string, node: string = HOLDER.node): void {
    const assignment = { task, node: nodeId(node), incarnation: incarnation(1), why: 'a test says so' };
    this.apply({ type: 'tasks.assign', session: 's', assignments: [assignment] });
  }

  /** What the node holds when all that was begun has ended. */
  async held(): Promise<string[]> {
    for (let step = 0; step < 10; step++) await Promise.resolve();
    return this.hand.board.heldBy(HOLDER.node, HOLDER.incarnation).map(({ record }) => record.plan.id);
  }
}

describe('a node that has stopped its work', () => {
  it('keeps what it holds while it is up', async () => {
    const bench = new Bench();
    bench.give('a');
    expect(await bench.held()).toEqual(['a']);
  });

  it('gives back what it holds when it leaves, and what it is given after that', async () => {
    const bench = new Bench();
    bench.give('a');
    bench.say('leaving');
    expect(await bench.held()).toEqual([]);
    bench.give('b');
    expect(await bench.held()).toEqual([]);
    bench.give('c');
    bench.give('a');
    expect(await bench.held()).toEqual([]);
  });

  it('tries once more at the next change of the board when the log could not be reached', async () => {
    const bench = new Bench();
    bench.give('a');
    bench.hasLeader = false;
    bench.say('leaving');
    expect(await bench.held()).toEqual(['a']);
    bench.hasLeader = true;
    bench.give('b', 'n2');
    expect(await bench.held()).toEqual([]);
  });

  it.each([
    ['it has left', (bench: Bench) => bench.say('left')],
    ['it is lost', (bench: Bench) => bench.say('lost')],
    ['it works again', (bench: Bench) => bench.stop()],
    ['it has a new life, which may be leaving too', (bench: Bench) => bench.say('leaving', incarnation(2))],
  ])('gives nothing back any more when %s', async (_, ends) => {
    const bench = new Bench();
    bench.say('leaving');
    ends(bench);
    bench.give('a');
    expect(await bench.held()).toEqual(['a']);
  });
});

import { isTuttiError, nodeId, type Random, seededRandom } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry } from './messages.ts';
import type { RaftNode } from './raft-node.ts';
import { CoreCluster, command, shown } from './testing/core-cluster.ts';

/**
 * Cores under schedules that no network would choose: any message at any time, twice, or never; disks that finish
 * when they like; crashes that lose what was not flushed. Checked against figure 3 of the paper after every action.
 */
class Schedule {
  readonly cluster: CoreCluster;
  readonly #random: Random;
  readonly #leaders = new Map<number, string>();
  /** The committed log, as far as any node has applied it. */
  readonly committed: Entry[] = [];
  /** How much of what a node applied has been looked at. */
  readonly #seen = new Map<string, number>();
  #proposals = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const size = this.#random.pick([1, 2, 3, 3, 4, 5]);
    const config = {
      preVote: this.#random.chance(0.7),
      checkQuorum: this.#random.chance(0.7),
      electionTimeoutTicks: 4,
      heartbeatTicks: 1,
      appendBytesMax: this.#random.pick([1, 20, 1000]),
      inflightMessagesMax: this.#random.pick([1, 2, 16]),
    };
    this.cluster = new CoreCluster({ voters: ['a', 'b', 'c', 'd', 'e'].slice(0, size), seed, config });
  }

  act(): void {
    const random = this.#random;
    const [name, host] = random.pick([...this.cluster.hosts]);
    const { messages } = this.cluster;
    const roll = random.float();
    if (roll < 0.25) host.core.tick();
    else if (roll < 0.35) host.flushOne();
    else if (roll < 0.45) this.#propose(host.core);
    else if (roll < 0.46) host.crash();
    else if (roll < 0.47) messages.splice(0, random.integer(0, messages.length));
    else if (roll < 0.48) this.#hearOfLink(host.core);
    else if (roll < 0.485) this.#transfer(host.core);
    else if (messages.length > 0) {
      const at = random.chance(0.7) ? 0 : random.integer(0, messages.length - 1);
      const message = messages[at]!;
      if (!random.chance(0.05)) messages.splice(at, 1);
      if (!random.chance(0.05)) this.cluster.hosts.get(message.to)!.core.step(message);
      // Sometimes its sender is told that it did not leave, however late that is.
      else if (random.chance(0.5)) this.cluster.hosts.get(message.from)!.core.unsent(message);
    }
    for (const each of this.cluster.hosts.values()) each.drain();
    this.#check(name);
  }

  #propose(core: RaftNode): void {
    this.#unlessMoving(() => core.propose(command(`p${this.#proposals++}`)));
  }

  /** What is said of links may be wrong. */
  #hearOfLink(core: RaftNode): void {
    const peer = nodeId(this.#random.pick([...this.cluster.hosts.keys()]));
    this.#random.pick([
      () => core.linkRenewed(peer),
      () => core.linkLost(peer),
      () => core.unreachable(peer),
    ])();
  }

  #transfer(core: RaftNode): void {
    if (core.role === 'leader' && this.cluster.hosts.size > 1)
      this.#unlessMoving(() => core.transferLeadership());
  }

  #unlessMoving(action: () => unknown): void {
    try {
      action();
    } catch (thrown) {
      if (!isTuttiError(thrown, 'TUTTI_LEADERSHIP_MOVING')) throw thrown;
    }
  }

  #check(name: string): void {
    for (const [other, { core }] of this.cluster.hosts) {
      if (core.role !== 'leader') continue;
      const known = this.#leaders.get(core.term) ?? other;
      expect(known, `one leader in term ${core.term}, after ${name} acted`).toBe(other);
      this.#leaders.set(core.term, other);
    }
    for (const [other, { applied }] of this.cluster.hosts) {
      const seen = Math.min(this.#seen.get(other) ?? 0, applied.length);
      this.#checkApplied(applied.slice(seen));
      this.#seen.set(other, applied.length);
    }
  }

  #checkApplied(applied: readonly Entry[]): void {
    for (const entry of applied) {
      const known = (this.committed[entry.index - 1] ??= entry);
      if (known.term !== entry.term || shown(known) !== shown(entry)) {
        expect.fail(`entry ${entry.index} was committed twice: ${shown(known)} and ${shown(entry)}`);
      }
    }
  }

  /** Delivers everything and lets time pass evenly, until all agree. */
  heal(): void {
    for (let i = 0; i < 200; i++) {
      for (const name of this.cluster.hosts.keys()) this.cluster.tick(name);
      this.cluster.settle();
    }
  }
}

test('no schedule of messages, disks and crashes elects two leaders or commits two entries at one index', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const schedule = new Schedule(seed);
      for (let i = 0; i < 600; i++) schedule.act();
      schedule.heal();
      const hosts = [...schedule.cluster.hosts.values()];
      expect(schedule.cluster.leaders()).toHaveLength(1);
      const commits = new Set(hosts.map((host) => host.core.commitIndex));
      expect(commits).toEqual(new Set([schedule.cluster.leaders()[0]!.lastIndex]));
      for (const entry of schedule.committed) {
        for (const host of hosts) expect(shown(host.disk.all()[entry.index - 1]!)).toBe(shown(entry));
      }
    }),
    { numRuns: 150 },
  );
});

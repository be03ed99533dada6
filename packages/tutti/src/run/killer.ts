import type { EventBatch } from '../admin/admin-api.ts';
import type { AdminClient } from '../admin/admin-client.ts';
import type { LocalCluster } from '../cluster/local-cluster.ts';
import { isDue, type PlannedKill } from './kill-schedule.ts';
import type { RunKill } from './run-document.ts';
import type { RunListener } from './run-listener.ts';

/** How long to look for a new leader after a kill, and how often. */
const LEADER_PATIENCE_MS = 10_000;
const LEADER_POLL_MS = 25;

/** Carries a run's kills out when they are due, and watches for who leads afterwards. */
export class Killer {
  readonly victims = new Set<string>();
  readonly #pending: PlannedKill[];
  readonly #total: number;
  readonly #cluster: LocalCluster;
  readonly #client: AdminClient;
  readonly #listener: RunListener;
  readonly #startedAt = performance.now();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #carriedOut: Promise<RunKill | undefined>[] = [];
  #done = 0;
  #ended = false;
  #abandoned = false;

  constructor(
    kills: readonly PlannedKill[],
    total: number,
    cluster: LocalCluster,
    client: AdminClient,
    listener: RunListener,
  ) {
    this.#pending = [...kills];
    this.#total = total;
    this.#cluster = cluster;
    this.#client = client;
    this.#listener = listener;
    for (const { at } of kills)
      if (at.by === 'time') this.#timers.push(setTimeout(() => this.#check(), at.afterMs));
    this.#check();
  }

  /** Takes note of what has been done, and kills whom that makes due. */
  saw(batch: EventBatch): void {
    this.#done = batch.done;
    if (batch.state !== 'running') this.#ended = true;
    this.#check();
  }

  stop(): void {
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Stops looking for leaders too: there will be none, or nobody wants to know any more. */
  abandon(): void {
    this.stop();
    this.#abandoned = true;
  }

  /** What was carried out; resolves when the leader after each kill is known. */
  async results(): Promise<RunKill[]> {
    const kills = await Promise.all(this.#carriedOut);
    return kills.filter((kill) => kill !== undefined);
  }

  #check(): void {
    if (this.#ended) return;
    const elapsed = performance.now() - this.#startedAt;
    for (const kill of Array.from(this.#pending)) {
      if (!isDue(kill, this.#done, this.#total, elapsed)) continue;
      this.#pending.splice(this.#pending.indexOf(kill), 1);
      this.#carriedOut.push(this.#carryOut(kill));
    }
  }

  async #carryOut({ target }: PlannedKill): Promise<RunKill | undefined> {
    const leader = await this.#waitForLeader(undefined);
    const others = this.#cluster.nodes().filter((node) => node.running && node.id !== leader);
    const id = target.by === 'node' ? target.id : target.role === 'leader' ? leader : others[0]?.id;
    if (id === undefined || this.#ended || !this.#cluster.node(id).running) return undefined;
    const at = Date.now();
    this.victims.add(id);
    await this.#cluster.node(id).kill();
    const kill: RunKill = {
      node: id,
      role: id === leader ? 'leader' : 'follower',
      at,
      gapMs: undefined,
      newLeader: undefined,
    };
    this.#listener.killed(kill);
    const newLeader = await this.#waitForLeader(id);
    if (newLeader !== undefined) this.#listener.leader(newLeader);
    return { ...kill, newLeader };
  }

  async #waitForLeader(not: string | undefined): Promise<string | undefined> {
    const until = performance.now() + LEADER_PATIENCE_MS;
    while (!this.#abandoned && performance.now() < until) {
      const leader = await this.#client.leader(not);
      if (leader !== undefined) return leader;
      await new Promise((resolve) => setTimeout(resolve, LEADER_POLL_MS));
    }
    return undefined;
  }
}

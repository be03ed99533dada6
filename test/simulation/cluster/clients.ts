import { messageOf } from '@tutti/kernel';
import type { TestCluster, TestNode } from 'tutti/testing';
import type { AccountEvent, PingEvent, RegisterEvent } from './actors.ts';
import type { ClusterSimOptions } from './draw-options.ts';
import { type Oracle, PROMISES } from './oracle.ts';
import { Watching } from './watching.ts';

const ASK_MS = 4_000;
/** Less than it takes to find a link dead, so that there is more than one try. */
const SHOW_MS = 2_000;
/** In calm weather an ask may take an election, and no more. */
const CALM_ASK_MS = 3_000;
/** The key of the account that is held now and then, so that what it has put off must come along when it moves. */
const HELD_KEY = 2;
const HELD_MS_MAX = 200;
const [, , LOST, TWICE, ORDER, NOTICED] = PROMISES;

interface Deed {
  readonly key: string;
  /** Which life of which node sent it. */
  readonly sender: string;
  acknowledged: boolean;
}

/** What nodes' clients do, and what they were told. */
export class Clients {
  readonly #cluster: TestCluster;
  readonly #oracle: Oracle;
  readonly #options: ClusterSimOptions;
  readonly #watching: Watching;
  /** By their numbers, in the order of their sending. */
  readonly #deeds: Deed[] = [];
  #waiting = 0;

  constructor(cluster: TestCluster, oracle: Oracle, options: ClusterSimOptions) {
    this.#cluster = cluster;
    this.#oracle = oracle;
    this.#options = options;
    this.#watching = new Watching(cluster, oracle, options.workloads.includes('obituaries'));
  }

  /** Deeds as long as there is trouble; resolves when the last ask is over. */
  async work(): Promise<void> {
    const cluster = this.#cluster;
    const { thinkMeanMs, durationMs, workMs = durationMs } = this.#options;
    const end = cluster.now() + workMs;
    const each = cluster.nodes.map(async (node) => {
      while (cluster.now() < end) {
        await cluster.sleep(cluster.random.exponential(thinkMeanMs));
        if (node.isUp) this.#act(node);
      }
    });
    await Promise.all(each);
    await cluster.until(() => this.#waiting === 0, 2 * ASK_MS + 60_000);
  }

  #act(node: TestNode): void {
    const { random } = this.#cluster;
    const key = `k${random.integer(1, this.#options.keys)}`;
    const roll = random.float();
    if (roll < 0.02) this.#hold(node);
    else if (roll < 0.45) this.#add(node, key, true);
    else if (roll < 0.6) this.#add(node, key, false);
    else if (roll < 0.75) node.ref<PingEvent>('ticker', key).send({ type: 'ping' });
    else if (roll < 0.8) node.ref<PingEvent>('master', 'singleton').send({ type: 'ping' });
    else if (roll < 0.9) this.#write(node);
    else if (roll < 0.94) this.#watching.birth(random.pick(this.#cluster.nodes), node);
    else if (roll < 0.98) this.#watching.watchAny(node);
    else this.#watching.endAny(node);
  }

  #add(node: TestNode, key: string, isAsk: boolean): void {
    const deed: Deed = { key, sender: `${node.id}/${node.incarnation}`, acknowledged: false };
    const number = this.#deeds.push(deed);
    const account = node.ref<AccountEvent>('account', key);
    if (!isAsk) return account.send({ type: 'add', deed: number });
    const isExcused = this.#excuse(node);
    const timeoutMs = this.#options.calm ? CALM_ASK_MS : ASK_MS;
    void this.#wait(account.ask({ type: 'add', deed: number }, { timeoutMs })).then(
      () => {
        deed.acknowledged = true;
        this.#oracle.counts.acknowledged++;
      },
      (thrown: unknown) => {
        if (!this.#options.calm || isExcused()) return;
        this.#oracle.breaks(NOTICED, `an ask of ${deed.sender} to ${key} failed: ${messageOf(thrown)}`);
      },
    );
  }

  /**
   * Has an account put its deeds off for a while: they must come along when it moves. It is let go again through whichever
   * node is there, more than once, since who is asked may be gone and one message may overtake another's.
   */
  #hold(node: TestNode): void {
    const { keys } = this.#options;
    if (keys < HELD_KEY) return;
    const key = `k${HELD_KEY}`;
    node.ref<AccountEvent>('account', key).send({ type: 'hold' });
    const letGo = (): void => {
      const through = this.#cluster.nodes.find((other) => other.isUp && isUp(other));
      through?.ref<AccountEvent>('account', key).send({ type: 'letGo' });
    };
    const heldMs = this.#cluster.random.integer(1, HELD_MS_MAX);
    for (const moreMs of [0, 500, 1_000]) this.#cluster.after(heldMs + moreMs, letGo);
  }

  #write(node: TestNode): void {
    const deed: Deed = { key: 'register', sender: node.id, acknowledged: false };
    const number = this.#deeds.push(deed);
    const register = node.ref<RegisterEvent>('replicated:register');
    void this.#wait(register.ask({ type: 'write', deed: number }, { timeoutMs: ASK_MS })).catch(() => {});
  }

  #wait<Result>(promise: Promise<Result>): Promise<Result> {
    this.#waiting++;
    return promise.finally(() => this.#waiting--);
  }

  /** Whether the node itself was being stopped, or was just starting, when it asked or was answered. */
  #excuse(node: TestNode): () => boolean {
    const life = node.incarnation;
    const wasMember = isUp(node);
    return () => !wasMember || node.incarnation !== life || !isUp(node);
  }

  /** All is well: every key answers on every node, and what they hold is held against what was said. */
  async check(limitMs: number): Promise<void> {
    const { nodes } = this.#cluster;
    await this.#watching.settle(limitMs);
    for (let number = 1; number <= this.#options.keys; number++) {
      const key = `k${number}`;
      for (const node of nodes) this.#judge(key, await this.#show(node, key, limitMs));
    }
    const registers = nodes.map((node) =>
      node.ref<RegisterEvent>('replicated:register').ask({ type: 'write', deed: 0 }, { timeoutMs: limitMs }),
    );
    await Promise.all(registers);
    await this.#cluster.run(2_000);
    this.#judgeRest();
  }

  /** Asked again when it is lost: a link to a life that has just ended may still look whole. */
  async #show(node: TestNode, key: string, limitMs: number): Promise<readonly number[]> {
    const end = this.#cluster.now() + limitMs;
    for (;;) {
      try {
        return await node.ref<AccountEvent>('account', key).ask({ type: 'show' }, { timeoutMs: SHOW_MS });
      } catch (thrown) {
        if (this.#cluster.now() >= end) throw thrown;
      }
    }
  }

  #judge(key: string, held: readonly number[]): void {
    const there = new Set(held);
    if (there.size < held.length)
      this.#oracle.breaks(TWICE, `${key} holds ${held.find((deed, at) => held.indexOf(deed) !== at)} twice`);
    this.#deeds.forEach((deed, at) => {
      if (deed.key === key && deed.acknowledged && !there.has(at + 1))
        this.#oracle.breaks(LOST, `${key} does not hold ${at + 1}, which ${deed.sender} was told it does`);
    });
    if (this.#options.calm) this.#judgeOrder(key, held);
  }

  #judgeOrder(key: string, held: readonly number[]): void {
    const last = new Map<string, number>();
    for (const number of held) {
      const { sender } = this.#deeds[number - 1]!;
      const before = last.get(sender) ?? 0;
      if (number < before)
        this.#oracle.breaks(ORDER, `${key} has ${number} of ${sender} after ${before}, which was sent later`);
      last.set(sender, number);
    }
  }

  /** When nothing happens any more nothing may be left over. */
  #judgeRest(): void {
    const statuses = this.#cluster.nodes.map((node) => node.status()!);
    const masters = statuses.reduce((sum, { entities }) => sum + (entities['master'] ?? 0), 0);
    if (masters !== 1) this.#oracle.breaks('a singleton is active at most once', `${masters} run at the end`);
    for (const { nodeId, buffered, suspected } of statuses) {
      if (buffered > 0) throw new Error(`${nodeId} still keeps ${buffered} messages`);
      if (suspected.length > 0) throw new Error(`${nodeId} still suspects ${suspected.join()}`);
    }
  }
}

/** Whether a node takes part, by its own knowledge. */
function isUp(node: TestNode): boolean {
  return node.isMember && node.members().find(({ nodeId }) => nodeId === node.id)?.state === 'up';
}

import { isTuttiError } from '@tutti/kernel';
import type { Ref } from 'tutti';
import type { TestCluster, TestNode } from 'tutti/testing';
import { type MortalEvent, makeMortal } from './actors.ts';
import { type Oracle, PROMISES } from './oracle.ts';

const TOLD_ONCE = PROMISES[6];
const GONE = 'who is gone is gone';
/** How long somebody who was told of an end waits for a sign of life that must not come. */
const SEANCE_MS = 1_000;

/** One actor of one life of a node, watched by others. */
interface Target {
  /** Empty until it is there. */
  address: string;
  readonly host: TestNode;
  readonly life: number;
  /** The first who was told that it is gone, while nobody had given its node up. */
  mourner?: Watch;
}

interface Watch {
  readonly target: Target;
  readonly watcher: TestNode;
  readonly life: number;
  notices: number;
}

/** Most actors that are watched in one run. */
const TARGETS_MAX = 60;

/** Actors that die, and others that watch them across nodes: each watcher must hear of it, and only once. */
export class Watching {
  readonly #cluster: TestCluster;
  readonly #oracle: Oracle;
  /** Whether those who were told that somebody is gone try to reach him. */
  readonly #looksClosely: boolean;
  readonly #targets: Target[] = [];
  readonly #watches: Watch[] = [];

  constructor(cluster: TestCluster, oracle: Oracle, looksClosely: boolean) {
    this.#cluster = cluster;
    this.#oracle = oracle;
    this.#looksClosely = looksClosely;
  }

  /** An actor comes to be on one node, and somebody on another watches it. */
  birth(host: TestNode, watcher: TestNode): void {
    if (!host.isUp || this.#targets.length >= TARGETS_MAX) return;
    const target: Target = { address: '', host, life: host.incarnation };
    const address = spawnOn(host, () => this.#acted(target));
    if (address === undefined) return;
    target.address = address;
    this.#targets.push(target);
    this.#watch(target, watcher);
  }

  /** Somebody watches one of those that there are, alive or not. */
  watchAny(watcher: TestNode): void {
    if (this.#targets.length > 0) this.#watch(this.#cluster.random.pick(this.#targets), watcher);
  }

  /** One of them is told to die, or stopped, through a node. */
  endAny(through: TestNode): void {
    if (this.#targets.length === 0) return;
    const { address } = this.#cluster.random.pick(this.#targets);
    const ref: Ref<MortalEvent> = through.ref(address);
    if (this.#cluster.random.chance(0.5)) ref.send({ type: 'die' });
    else void ref.stop().catch(() => {});
  }

  #watch(target: Target, watcher: TestNode): void {
    if (!watcher.isUp || this.#watches.length >= 4 * TARGETS_MAX) return;
    const watch: Watch = { target, watcher, life: watcher.incarnation, notices: 0 };
    this.#watches.push(watch);
    watcher.ref(target.address).watch(() => {
      this.#oracle.counts.notices++;
      if (++watch.notices > 1)
        this.#oracle.breaks(TOLD_ONCE, `${describe(watch)} heard ${watch.notices} times`);
      if (!this.#isGivenUp(target)) target.mourner ??= watch;
      if (this.#looksClosely) this.#seance(watch);
    });
  }

  /** It does something, so it lives: nobody may have been told otherwise, but of a node that was given up meanwhile. */
  #acted({ mourner }: Target): void {
    if (mourner) this.#oracle.breaks(GONE, `${describe(mourner)} was told that it is gone, and it lives`);
  }

  /** Whether its life is over by the log: some node that runs has read there that it was lost, or left, or has a later one. */
  #isGivenUp({ host, life }: Target): boolean {
    return this.#cluster.nodes.some((node) => {
      const member = node.members().find(({ nodeId }) => nodeId === host.id);
      if (!member) return false;
      const { incarnation, state } = member;
      return incarnation > life || (incarnation === life && (state === 'lost' || state === 'left'));
    });
  }

  /** To who was told that it is gone it answers no more, given up or not. */
  #seance(watch: Watch): void {
    const { target, watcher } = watch;
    if (watcher.incarnation !== watch.life) return;
    watcher
      .ref<MortalEvent>(target.address)
      .ask({ type: 'greet' }, { timeoutMs: SEANCE_MS })
      .then(
        () => this.#oracle.breaks(GONE, `${describe(watch)} was told that it is gone, and it answers`),
        () => void this.#oracle.counts.obituaries++,
      );
  }

  /** All is well again: everyone dies, and every watcher that still lives must have heard of it. */
  async settle(limitMs: number): Promise<void> {
    for (const { host, life, address } of this.#targets)
      if (host.incarnation === life) host.ref<MortalEvent>(address).send({ type: 'die' });
    const lives = this.#watches.filter(({ watcher, life }) => watcher.incarnation === life);
    const deaf = (): Watch | undefined => lives.find(({ notices }) => notices === 0);
    await this.#cluster.until(() => deaf() === undefined, limitMs).catch(() => {});
    const watch = deaf();
    if (watch) this.#oracle.breaks(TOLD_ONCE, `${describe(watch)} was never told`);
  }
}

/** Undefined on a node that is just stopping: it takes nothing in any more. */
function spawnOn(host: TestNode, acts: () => void): string | undefined {
  try {
    return host.spawn(makeMortal(acts), { supervise: false }).address;
  } catch (thrown) {
    if (isTuttiError(thrown, 'TUTTI_CLOSED')) return undefined;
    throw thrown;
  }
}

const describe = ({ watcher, life, target }: Watch): string =>
  `life ${life} of ${watcher.id}, watching ${target.address} of ${target.host.id},`;

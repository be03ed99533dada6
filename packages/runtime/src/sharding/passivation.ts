import type { Clock, Timer } from '@tutti/kernel';
import type { Activation } from './activation.ts';
import { approximateBytes } from './approximate-bytes.ts';
import type { EntityOptions } from './entity-options.ts';

/** When entities of a kind are put to sleep. */
type SleepRules = Pick<EntityOptions, 'passivateAfterMs' | 'activeMax' | 'activeBytesMax'>;

interface Awake {
  readonly rules: SleepRules;
  /** Those that are not on their way out, the one used longest ago first. */
  readonly order: Set<Activation>;
  bytes: number;
  timer: Timer | undefined;
  /** For when there are too many that were busy. */
  again: Timer | undefined;
}

interface PassivationOptions {
  readonly clock: Clock;
  readonly rulesOf: (kind: string) => SleepRules | undefined;
  /** Puts one to sleep: it handles what is in its mailbox and goes. */
  readonly sleep: (activation: Activation) => void;
}

/** Entities that one message finds not free to sleep, before the next one goes on from there. */
const LOOKS_MAX = 16;
/** When it is looked again whether enough of them are free to sleep, without a message. */
const LOOK_AGAIN_MS = 100;

/**
 * Says which entities of this node go to sleep: those that nobody has sent anything for long, and, where there are more
 * than their kind may have awake, those used longest ago. The bounds are targets: one that is asked for is let in at once,
 * and another begins to go. One that is busy, see {@link Activation.isBusy}, stays awake until it is not.
 */
export class Passivation {
  readonly #options: PassivationOptions;
  readonly #kinds = new Map<string, Awake | undefined>();

  constructor(options: PassivationOptions) {
    this.#options = options;
  }

  /** It has come alive, or has been sent something. */
  used(activation: Activation): void {
    const awake = this.#awake(activation.name.kind);
    if (!awake) return;
    const { order } = awake;
    activation.lastUsedAt = this.#options.clock.now();
    if (!order.delete(activation)) awake.bytes += activation.bytes;
    order.add(activation);
    this.#keepTo(awake, activation);
    this.#schedule(awake);
  }

  /** Its state has been stored. */
  stored(activation: Activation, snapshot: unknown): void {
    const awake = this.#awake(activation.name.kind);
    if (awake?.rules.activeBytesMax === undefined || !awake.order.has(activation)) return;
    const bytes = approximateBytes(snapshot);
    awake.bytes += bytes - activation.bytes;
    activation.bytes = bytes;
    this.#keepTo(awake, undefined);
  }

  /** It is on its way out, or gone. */
  left(activation: Activation): void {
    const awake = this.#awake(activation.name.kind);
    if (awake?.order.delete(activation)) awake.bytes -= activation.bytes;
  }

  close(): void {
    for (const awake of this.#kinds.values())
      for (const timer of [awake?.timer, awake?.again]) if (timer) this.#options.clock.clearTimer(timer);
    this.#kinds.clear();
  }

  #awake(kind: string): Awake | undefined {
    if (this.#kinds.has(kind)) return this.#kinds.get(kind);
    const rules = this.#options.rulesOf(kind);
    const has = rules?.passivateAfterMs ?? rules?.activeMax ?? rules?.activeBytesMax;
    const awake =
      has === undefined
        ? undefined
        : { rules: rules!, order: new Set<Activation>(), bytes: 0, timer: undefined, again: undefined };
    this.#kinds.set(kind, awake);
    return awake;
  }

  /** The one used last always stays, or nothing would ever be handled: `used` is about to be given a message. */
  #keepTo(awake: Awake, used: Activation | undefined): void {
    const { clock } = this.#options;
    let looks = 0;
    for (const activation of awake.order) {
      if (isWithinBounds(awake)) return;
      if (activation === used) continue;
      if (!activation.isBusy(clock.now())) this.#sleep(activation);
      else if (++looks < LOOKS_MAX) this.#keepAwake(awake, activation);
      else break;
    }
    if (isWithinBounds(awake)) return;
    awake.again ??= clock.setTimer(LOOK_AGAIN_MS, () => {
      awake.again = undefined;
      this.#keepTo(awake, undefined);
    });
  }

  /** As if it had just been used, so that the others are looked at before it is again. */
  #keepAwake({ order }: Awake, activation: Activation): void {
    activation.lastUsedAt = this.#options.clock.now();
    order.delete(activation);
    order.add(activation);
  }

  #sleep(activation: Activation): void {
    this.left(activation);
    this.#options.sleep(activation);
  }

  #schedule(awake: Awake): void {
    const { passivateAfterMs } = awake.rules;
    const [oldest] = awake.order;
    if (passivateAfterMs === undefined || awake.timer || !oldest) return;
    const { clock } = this.#options;
    const inMs = Math.max(1, oldest.lastUsedAt + passivateAfterMs - clock.now());
    awake.timer = clock.setTimer(inMs, () => {
      awake.timer = undefined;
      for (const activation of awake.order) {
        if (clock.now() - activation.lastUsedAt < passivateAfterMs) break;
        if (activation.isBusy(clock.now())) this.#keepAwake(awake, activation);
        else this.#sleep(activation);
      }
      this.#schedule(awake);
    });
  }
}

function isWithinBounds({ order: { size }, bytes, rules }: Awake): boolean {
  const { activeMax = Number.POSITIVE_INFINITY, activeBytesMax = Number.POSITIVE_INFINITY } = rules;
  return size <= 1 || (size <= activeMax && bytes <= activeBytesMax);
}

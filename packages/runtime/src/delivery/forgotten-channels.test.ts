import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventObject } from 'xstate';
import { replying } from '../actor/reply.ts';
import { LEVEL } from '../cluster/cluster-level.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { CHANNELS_MAX, DELIVERY, DeliveryLog } from './delivery-log.ts';
import { type Birth, ForgottenChannels, isBirth } from './forgotten-channels.ts';

interface Channel {
  readonly name: string;
  readonly birth: Birth;
  isHandled: boolean;
}

const first = ({ name, birth }: Pick<Channel, 'name'> & { readonly birth?: Birth }, isAgain: boolean) => ({
  type: DELIVERY as typeof DELIVERY,
  channel: name,
  number: 1,
  base: 1,
  isAgain,
  ...(birth && { birth }),
  event: { type: 'work' },
});

/** A receiver beside one that remembers all that it has ever had. */
class Twins {
  log = new DeliveryLog();
  /** Those that are remembered, the longest silent first. */
  remembered: string[] = [];
  readonly forgotten: Birth[] = [];
  readonly channels: Channel[] = [];
  readonly #byName = new Map<string, Channel>();
  readonly #lives = new Map<string, readonly [incarnation: number, count: number]>();
  #others = 0;

  open(node: string, isLost: boolean): void {
    const [incarnation, count] = this.#lives.get(node) ?? [1, 0];
    this.#lives.set(node, [incarnation, count + 1]);
    const channel = {
      name: `${node}-${this.channels.length}`,
      birth: [node, incarnation, count + 1] as const,
      isHandled: false,
    };
    this.channels.push(channel);
    this.#byName.set(channel.name, channel);
    if (!isLost) this.receive(channel, false);
  }

  restart(node: string): void {
    this.#lives.set(node, [(this.#lives.get(node)?.[0] ?? 1) + 1, 0]);
  }

  receive(channel: Channel, isAgain: boolean): void {
    const isKnown = this.remembered.includes(channel.name);
    const fate = this.log.judge(first(channel, isAgain));
    if (isKnown) expect(fate).toBe('duplicate');
    else expect(fate).toBe(isAgain && this.#mayBeForgotten(channel) ? 'expired' : 'handled');
    if (fate !== 'handled') return;
    expect(channel.isHandled, 'nothing is handled twice').toBe(false);
    channel.isHandled = true;
    this.#accept(channel.name, channel.birth);
  }

  /** Others, whose names were given. */
  crowd(count: number): void {
    for (let i = 0; i < count; i++) this.#accept(`other-${this.#others++}`);
  }

  restore(): void {
    const kept = JSON.parse(JSON.stringify(DeliveryLog.keepIn({}, this.log))) as object;
    this.log = DeliveryLog.takeFrom(kept).log ?? new DeliveryLog();
  }

  #accept(name: string, birth?: Birth): void {
    this.log.accept(first(birth ? { name, birth } : { name }, false));
    this.remembered.push(name);
    if (this.remembered.length <= CHANNELS_MAX) return;
    const oldest = this.#byName.get(this.remembered.shift()!);
    if (oldest) this.forgotten.push(oldest.birth);
  }

  /** That of a node whose younger channel was forgotten may have been, too. */
  #mayBeForgotten({ birth: [node, incarnation, count] }: Channel): boolean {
    return this.forgotten.some(
      ([other, life, number]) =>
        other === node && (life > incarnation || (life === incarnation && number >= count)),
    );
  }
}

const node = fc.constantFrom('n1', 'n2');
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('open' as const), node, isLost: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('again' as const), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('crowd' as const), count: fc.integer({ min: 1, max: 270 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const) }) },
);

describe('a receiver that has forgotten channels', () => {
  test('handles nothing twice, and takes what is younger than all that it has forgotten of its node', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const twins = new Twins();
        for (const each of steps) {
          if (each.do === 'open') twins.open(each.node, each.isLost);
          else if (each.do === 'crowd') twins.crowd(each.count);
          else if (each.do === 'restart') twins.restart(each.node);
          else if (each.do === 'restore') twins.restore();
          else if (twins.channels.length > 0)
            twins.receive(twins.channels[each.which % twins.channels.length]!, true);
        }
      }),
    );
  });

  test('knows nothing of a channel that does not say when it was born', () => {
    const forgotten = new ForgottenChannels();
    expect(forgotten.mayHave(undefined)).toBe(false);
    forgotten.add(undefined);
    expect([forgotten.mayHave(undefined), forgotten.mayHave(['n1', 1, 1])]).toEqual([true, false]);
  });

  test('remembers so many nodes, and takes those of others for nothing that it knows', () => {
    const forgotten = new ForgottenChannels();
    for (let i = 0; i < 256; i++) {
      expect(forgotten.mayHave(['another', 9, 9])).toBe(false);
      forgotten.add([`n${i}`, 1, 5]);
    }
    expect(forgotten.mayHave(['another', 9, 9])).toBe(true);
    forgotten.add(['another', 1, 1]);
    expect(forgotten.births()).toHaveLength(256);
    expect([5, 6].map((count) => forgotten.mayHave(['n7', 1, count]))).toEqual([true, false]);
  });

  test.each([[['n1', 1]], [[1, 1, 1]], [['n1', -1, 1]], [['n1', 1, 1.5]], ['n1/1/1'], [null]])(
    'takes %j for no birth',
    (wrong) => {
      expect(isBirth(wrong)).toBe(false);
    },
  );
});

describe('the birth of a channel to what all members keep', () => {
  const tally = () => replying((count: number, _event: EventObject) => count + 1, 0);

  test('is said when every member keeps it, and not before', async () => {
    const harness = new ClusterHarness(['n1', 'n2'], (cluster) => {
      cluster.replicated('book', tally());
      cluster.entity('till', tally());
    });
    const last = (module: string) =>
      JSON.parse(harness.log.entries.findLast((entry) => entry.module === module)!.command) as unknown;
    /** What the log has of the birth of a new channel to each of them. */
    const births = async () => {
      const { system, cluster } = harness.node('n1');
      await harness.settle(system.reliable(system.ref('replicated:book')).send({ type: 'add' }));
      const { event } = last('book') as { readonly event: { readonly birth?: Birth } };
      await harness.settle(system.reliable(cluster.ref('till', 'a')).send({ type: 'add' }));
      const { entries } = last('entities') as {
        readonly entries: readonly { readonly snapshot: { readonly $deliveries: { next: unknown[][] } } }[];
      };
      return [event.birth, entries.at(-1)!.snapshot.$deliveries.next.at(-1)![2]];
    };
    const upgrade = async (name: string) => {
      harness.crash(name);
      harness.boot(name);
      await harness.untilBalanced();
    };
    for (const name of ['n1', 'n2']) harness.boot(name, {}, { level: LEVEL.channelBirths - 1 });
    await harness.untilBalanced();
    await upgrade('n1');
    expect(await births()).toEqual([undefined, undefined]);
    await upgrade('n2');
    const { nodeId, incarnation } = harness.node('n1').system;
    expect(await births()).toEqual([
      [nodeId, incarnation, 1],
      [nodeId, incarnation, 2],
    ]);
  });
});

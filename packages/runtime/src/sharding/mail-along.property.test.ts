import {
  incarnation,
  type LinkListener,
  nodeId,
  type SendOutcome,
  type Transport,
  VirtualClock,
} from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Courier } from '../cluster/courier.ts';
import type { Life, Membership } from '../cluster/membership.ts';
import type { HandOverMessage, Parcel } from '../cluster/parcel.ts';
import { IncomingMail } from './incoming-mail.ts';
import { OutgoingMail } from './outgoing-mail.ts';
import { type EpochEnd, type Shard, type ShardAt, type ShardMap, sameLife } from './shard-map.ts';

const OWNER: Life = { nodeId: nodeId('n1'), incarnation: incarnation(1) };
const TARGET: Life = { nodeId: nodeId('n2'), incarnation: incarnation(2) };
const AT: ShardAt = { shard: 0, epoch: 4 };

type Travelling =
  | { readonly t: 'handed'; readonly parcel: Parcel }
  | Exclude<HandOverMessage, { t: 'handed' }>;

/** One end: what it has applied of the log, and where its messages and refusals go. */
class End {
  readonly refused: Parcel[] = [];
  readonly withdrawn = new Set<unknown>();
  readonly outbox: Travelling[] = [];
  shard: Shard = { owner: OWNER, epoch: AT.epoch, target: TARGET };
  isLinked = true;
  isOwnerAlive = true;
  #id = 0;

  readonly courier = {
    nextId: () => ++this.#id,
    post: (_: Life, parcel: Parcel): SendOutcome => this.#send({ t: 'handed', parcel }),
    signal: (_: string, message: Travelling): SendOutcome => this.#send(message),
    refuse: (parcel: Parcel) => void this.refused.push(parcel),
    withdraw: (_: Life, targets: ReadonlySet<unknown>) => {
      for (const target of targets) this.withdrawn.add(target);
    },
  } as object as Courier;

  readonly shards = { size: 1, get: () => this.shard } as object as ShardMap;
  readonly membership = {
    isAlive: (life: Life) => !sameLife(life, OWNER) || this.isOwnerAlive,
  } as object as Membership;

  #send(message: Travelling): SendOutcome {
    if (!this.isLinked) return 'no-link';
    this.outbox.push(message);
    return 'queued';
  }
}

const partsOf = ({ courier, shards, membership }: End) => ({ courier, shards, membership });

type Step = 'carry' | 'answer' | 'lose' | 'break' | 'wait' | 'release' | 'give up' | 'target gone';

/** One hand-over of one shard's mail, between two ends that apply the log when they please. */
class HandOver {
  readonly clock = new VirtualClock(0);
  readonly owner = new End();
  readonly target = new End();
  readonly #listeners: LinkListener[] = [];
  readonly outgoing: OutgoingMail;
  readonly incoming: IncomingMail;
  readonly parcels: readonly Parcel[];
  room: number;
  isKept: boolean | undefined;
  isTargetUp = true;
  /** The entry of the log that ended the epoch. */
  end: EpochEnd | undefined;
  next: Life | undefined;

  constructor(count: number, room: number) {
    this.room = room;
    this.parcels = Array.from({ length: count }, (_, number) => ({
      address: 'entity:k/a',
      event: { type: `m${number}` },
      target: undefined,
      deadline: Number.POSITIVE_INFINITY,
      hops: 0,
      epoch: AT.epoch,
    }));
    const transport = {
      onLink: (listener: LinkListener) => void this.#listeners.push(listener),
      linked: () => [TARGET],
      wireVersion: () => 2,
    } as object as Transport;
    this.outgoing = new OutgoingMail({ ...partsOf(this.owner), self: OWNER, clock: this.clock, transport });
    const hasRoom = () => this.incoming.size < this.room;
    this.incoming = new IncomingMail({ ...partsOf(this.target), self: TARGET, hasRoom });
    void this.outgoing.give(AT, TARGET, this.parcels).then((isKept) => (this.isKept = isKept));
  }

  async take(step: Step): Promise<void> {
    switch (step) {
      case 'carry':
        this.#arrive(this.owner.outbox.shift());
        break;
      case 'lose':
        this.owner.outbox.shift();
        break;
      case 'answer':
        this.#arrive(this.target.outbox.shift());
        break;
      case 'break':
        this.owner.outbox.length = this.target.outbox.length = 0;
        this.owner.isLinked = this.target.isLinked = false;
        for (const listener of this.#listeners) listener.linkDown(TARGET, 'reset');
        break;
      case 'wait':
        this.clock.advance(600);
        break;
      case 'target gone':
        this.isTargetUp = false;
        break;
      case 'release':
        await Promise.resolve();
        if (this.isKept === undefined || this.end) break;
        this.end = { epoch: AT.epoch, how: this.isKept ? 'handed' : 'released', by: OWNER };
        this.next = this.isTargetUp ? TARGET : undefined;
        break;
      case 'give up':
        this.end ??= { epoch: AT.epoch, how: 'assigned', by: undefined };
    }
    await Promise.resolve();
  }

  #arrive(message: Travelling | undefined): void {
    if (message?.t === 'handed') this.incoming.handed(OWNER, AT, message.parcel);
    else if (message?.t === 'handedAll') this.incoming.handedAll(OWNER, message);
    else if (message?.t === 'kept') this.outgoing.kept(TARGET, message);
  }

  /** What each end routes once it has applied the end of the epoch. */
  finish(isSeen: boolean): { readonly byOwner: readonly string[]; readonly byTarget: readonly string[] } {
    const { owner, target, next, end } = this;
    for (const side of [owner, target]) {
      side.shard = { owner: next, epoch: AT.epoch + 1, target: undefined };
      side.isOwnerAlive = end!.how !== 'assigned';
    }
    const typesOf = (parcels: readonly Parcel[]) => parcels.map(({ event }) => event.type);
    return {
      byTarget: typesOf(this.incoming.ended(0, next, isSeen ? end : undefined)),
      byOwner: typesOf(this.outgoing.ended(0, next, isSeen ? end : undefined)),
    };
  }
}

const steps = fc.array(
  fc.constantFrom<Step>(
    'carry',
    'carry',
    'carry',
    'answer',
    'lose',
    'break',
    'wait',
    'release',
    'give up',
    'target gone',
  ),
  { maxLength: 16 },
);

describe('mail that goes along with a shard, whatever is lost and whoever ends', () => {
  it('is routed by one of the two, whole and in order, when its owner lets go', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 5 }),
        steps,
        async (count, room, taken) => {
          const handOver = new HandOver(count, room);
          for (const step of taken) await handOver.take(step);
          // Silence at last.
          for (const step of ['wait', 'wait', 'release'] as const) await handOver.take(step);
          const { how } = handOver.end!;
          const { byOwner, byTarget } = handOver.finish(true);
          const all = handOver.parcels.map(({ event }) => event.type);
          expect(new Set([...byOwner, ...byTarget]).size, 'none twice').toBe(
            byOwner.length + byTarget.length,
          );
          if (how !== 'assigned') expect([...byOwner, ...byTarget]).toEqual(all);
          else {
            expect(byOwner, 'one that was given up routes nothing').toEqual([]);
            expect(byTarget).toEqual(all.filter((type) => byTarget.includes(type)));
            const uncertain = handOver.isKept ? 0 : count;
            expect(handOver.owner.refused.length, 'it counts what is uncertain').toBe(uncertain);
          }
          expect([handOver.outgoing.size, handOver.incoming.size]).toEqual([0, 0]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is routed by one of the two at most when neither has seen how the epoch ended, and the rest is counted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (count, taken) => {
        const handOver = new HandOver(count, 9);
        for (const step of taken) await handOver.take(step);
        for (const step of ['wait', 'wait', 'release'] as const) await handOver.take(step);
        const { byOwner, byTarget } = handOver.finish(false);
        expect(byTarget).toEqual([]);
        const refused = handOver.target.refused.length + handOver.owner.refused.length;
        expect(byOwner.length + refused).toBeGreaterThanOrEqual(count);
        expect([handOver.outgoing.size, handOver.incoming.size]).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
  });
});

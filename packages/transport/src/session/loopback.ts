import type { Channel, Clock, Lane, PeerIdentity, SendOutcome, WireValue } from '@tutti/kernel';
import { readMessages } from '../codec/frame.ts';
import { type TransportLimits, WIRE_VERSIONS } from '../codec/limits.ts';
import { msgpackCodec } from '../codec/msgpack-codec.ts';
import { LaneQueue } from './lane-queue.ts';
import type { Subscriptions } from './subscriptions.ts';

/**
 * A node's way to itself: the same encoding, bounds and lanes as to others, and a later turn, so that code behaves
 * alike whether a message stays or travels.
 */
export class Loopback {
  readonly #self: PeerIdentity;
  readonly #clock: Clock;
  readonly #subscriptions: Subscriptions;
  readonly #lanes: Readonly<Record<Lane, LaneQueue>>;
  #isScheduled = false;
  #isClosed = false;

  constructor(self: PeerIdentity, clock: Clock, subscriptions: Subscriptions, limits: TransportLimits) {
    this.#self = self;
    this.#clock = clock;
    this.#subscriptions = subscriptions;
    const lane = () => new LaneQueue(msgpackCodec, WIRE_VERSIONS.max, limits);
    this.#lanes = { control: lane(), bulk: lane() };
  }

  send(channel: Channel, message: WireValue, lane: Lane): SendOutcome {
    if (!this.#lanes[lane].offer(channel, message)) return 'full';
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#clock.nextTurn(() => this.#deliver());
    }
    return 'queued';
  }

  close(): void {
    this.#isClosed = true;
  }

  #deliver(): void {
    this.#isScheduled = false;
    const { control, bulk } = this.#lanes;
    // Both are sealed before the first is delivered, so that what handlers send now waits for the next turn.
    const frames = [...takeAll(control), ...takeAll(bulk)];
    for (const bytes of frames) {
      readMessages(bytes, (channel, start, end) => {
        if (this.#isClosed) return;
        this.#subscriptions.deliver(this.#self, channel, msgpackCodec.decodeRange(bytes, start, end));
      });
    }
  }
}

function takeAll(lane: LaneQueue): Uint8Array[] {
  const frames: Uint8Array[] = [];
  lane.seal();
  for (let frame = lane.shift(); frame; frame = lane.shift()) frames.push(frame.bytes);
  return frames;
}

import { type Channel, type Clock, type Lane, Ring, type SendOutcome, type WireValue } from '@tutti/kernel';
import type { TransportLimits } from '../codec/limits.ts';
import { msgpackCodec } from '../codec/msgpack-codec.ts';
import { LaneQueue, type SealedFrame } from '../session/lane-queue.ts';

export interface MemoryPipeDeps {
  readonly clock: Clock;
  readonly limits: TransportLimits;
  readonly wireVersion: number;
  /** How long the next frame travels, in milliseconds. */
  readonly latencyMs: () => number;
  readonly sent: (frame: SealedFrame) => void;
  readonly arrived: (frame: Uint8Array) => void;
}

interface PipeLane {
  readonly queue: LaneQueue;
  readonly inFlight: Ring<SealedFrame>;
  inFlightBytes: number;
  /** When the last frame arrives: the next one never comes before it. */
  lastAt: number;
  /** Arrivals that were due while the pipe was cut. */
  stuck: number;
}

/**
 * One direction of a link in memory. It batches, bounds and holds back exactly as a socket link does; a frame that is
 * in flight counts against the high-water mark until it arrives. What a cut catches is kept, as TCP would keep it
 * for sending again, and arrives after the cut is healed if the link lives that long.
 */
export class MemoryPipe {
  readonly #deps: MemoryPipeDeps;
  readonly #lanes: Readonly<Record<Lane, PipeLane>>;
  #isCut = false;
  #isStopped = false;

  constructor(deps: MemoryPipeDeps) {
    this.#deps = deps;
    const lane = (): PipeLane => ({
      queue: new LaneQueue(msgpackCodec, deps.wireVersion, deps.limits),
      inFlight: new Ring<SealedFrame>(deps.limits.laneMessagesMax * 2),
      inFlightBytes: 0,
      lastAt: 0,
      stuck: 0,
    });
    this.#lanes = { control: lane(), bulk: lane() };
  }

  send(channel: Channel, message: WireValue, lane: Lane): SendOutcome {
    return this.#lanes[lane].queue.offer(channel, message) ? 'queued' : 'full';
  }

  flush(lane: Lane): void {
    if (this.#isStopped) return;
    this.#lanes[lane].queue.seal();
    this.#pump(this.#lanes[lane]);
  }

  /** Sends all that is queued, whatever the high-water mark says. @returns when the last of it arrives */
  drain(): number {
    for (const lane of Object.values(this.#lanes)) {
      lane.queue.seal();
      while (lane.queue.hasSealed) this.#launch(lane);
    }
    return Math.max(this.#deps.clock.now(), this.#lanes.control.lastAt, this.#lanes.bulk.lastAt);
  }

  /** Nothing arrives any more. */
  stop(): void {
    this.#isStopped = true;
  }

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    for (const lane of Object.values(this.#lanes)) {
      const due = lane.stuck;
      lane.stuck = 0;
      for (let i = 0; i < due; i++) this.#deps.clock.nextTurn(() => this.#arrive(lane));
    }
  }

  #pump(lane: PipeLane): void {
    const { highWaterBytes, laneMessagesMax } = this.#deps.limits;
    const hasRoom = () => lane.inFlightBytes < highWaterBytes && lane.inFlight.size < laneMessagesMax;
    while (lane.queue.hasSealed && hasRoom()) this.#launch(lane);
  }

  #launch(lane: PipeLane): void {
    const frame = lane.queue.shift()!;
    const { clock, latencyMs, sent } = this.#deps;
    lane.inFlight.push(frame);
    lane.inFlightBytes += frame.bytes.length;
    lane.lastAt = Math.max(lane.lastAt, clock.now() + latencyMs());
    sent(frame);
    clock.setTimer(lane.lastAt - clock.now(), () => this.#arrive(lane));
  }

  #arrive(lane: PipeLane): void {
    if (this.#isStopped) return;
    if (this.#isCut) {
      lane.stuck++;
      return;
    }
    const frame = lane.inFlight.shift()!;
    lane.inFlightBytes -= frame.bytes.length;
    this.#deps.arrived(frame.bytes);
    if (!this.#isStopped) this.#pump(lane);
  }
}

import {
  type Channel,
  type Clock,
  isTuttiError,
  type Lane,
  type PeerIdentity,
  type SendOutcome,
  type Timer,
  TuttiError,
  type WireValue,
} from '@tutti/kernel';
import { FRAME, frameOf, readFrameHeader, readMessages } from '../codec/frame.ts';
import type { TransportLimits } from '../codec/limits.ts';
import { msgpackCodec } from '../codec/msgpack-codec.ts';
import { KeepAlive } from '../session/keep-alive.ts';
import { LaneQueue } from '../session/lane-queue.ts';
import type { Refusals } from '../session/refusals.ts';
import type { Subscriptions } from '../session/subscriptions.ts';
import type { Tally } from '../session/tally.ts';
import type { LaneSocket } from './lane-socket.ts';

/** What a link needs of the connection that carries one of its lanes. */
export type LaneConnection = Pick<LaneSocket, 'bufferedBytes' | 'read' | 'write' | 'close' | 'terminate'>;

export interface LinkDeps {
  readonly limits: TransportLimits;
  readonly clock: Clock;
  readonly tally: Tally;
  readonly refusals: Refusals;
  readonly subscriptions: Subscriptions;
  /** Called once, when the link has gone down and its listeners know. */
  readonly down: (link: Link) => void;
}

interface LanePipe {
  readonly queue: LaneQueue;
  readonly socket: LaneConnection;
  /** While the socket holds bytes: heard when the operating system takes some. */
  readonly progress: KeepAlive;
  readonly written: () => void;
}

/**
 * A link that is up: two authenticated connections to one life of a peer, one per lane (see ADR 3). It queues and
 * writes frames, delivers what comes in, and finds out when the peer is gone.
 */
export class Link {
  readonly peer: PeerIdentity;
  readonly #deps: LinkDeps;
  readonly wireVersion: number;
  readonly #lanes: Readonly<Record<Lane, LanePipe>>;
  readonly #keepAlive: KeepAlive;
  #timer: Timer | undefined;
  #isDown = false;

  constructor(
    peer: PeerIdentity,
    wireVersion: number,
    sockets: Readonly<Record<Lane, LaneConnection>>,
    deps: LinkDeps,
  ) {
    this.peer = peer;
    this.#deps = deps;
    this.wireVersion = wireVersion;
    this.#keepAlive = new KeepAlive(deps.limits.pingsMissedMax);
    this.#lanes = { control: this.#pipe(sockets.control), bulk: this.#pipe(sockets.bulk) };
  }

  /** Tells the listeners, then begins to read: nothing is delivered before the link is known to be up. */
  start(): void {
    this.#deps.subscriptions.linkUp(this.peer);
    for (const lane of ['control', 'bulk'] as const) {
      if (this.#isDown) return;
      this.#lanes[lane].socket.read({ frame: (bytes) => this.#received(lane, bytes) });
    }
    this.#schedulePing();
  }

  /** @throws TuttiError `TUTTI_VALUE_NOT_PLAIN`, `TUTTI_FRAME_TOO_LARGE` */
  send(channel: Channel, message: WireValue, lane: Lane): SendOutcome {
    if (this.#isDown) return 'no-link';
    const pipe = this.#lanes[lane];
    if (!pipe.queue.offer(channel, message)) return 'full';
    if (pipe.queue.hasSealed) this.#pump(pipe);
    return 'queued';
  }

  /** The turn has ended: what is staged on this lane goes out, as far as the socket takes it. */
  flush(lane: Lane): void {
    if (this.#isDown) return;
    const pipe = this.#lanes[lane];
    pipe.queue.seal();
    this.#pump(pipe);
  }

  /** Takes the link down here; the peer gets what its lanes hold if `flush` is set, within the close grace. */
  down(reason: string, flush = false): void {
    if (this.#isDown) return;
    if (flush) for (const pipe of Object.values(this.#lanes)) this.#drain(pipe);
    this.#isDown = true;
    if (this.#timer) this.#deps.clock.clearTimer(this.#timer);
    for (const { socket, queue } of Object.values(this.#lanes)) {
      this.#deps.tally.messagesRefused += queue.messages;
      if (flush) socket.close(reason);
      else socket.terminate();
    }
    this.#deps.subscriptions.linkDown(this.peer, reason);
    this.#deps.down(this);
  }

  #pipe(socket: LaneConnection): LanePipe {
    const { limits } = this.#deps;
    const queue = new LaneQueue(msgpackCodec, this.wireVersion, limits);
    const progress = new KeepAlive(limits.laneStallPingsMax);
    const pipe: LanePipe = {
      queue,
      socket,
      progress,
      written: () => {
        progress.heard();
        if (!this.#isDown && queue.hasSealed) this.#pump(pipe);
      },
    };
    return pipe;
  }

  /** Below the high-water mark frames go to the socket; above it they wait here, where they are bounded. */
  #pump(pipe: LanePipe): void {
    const { queue, socket } = pipe;
    while (queue.hasSealed && socket.bufferedBytes < this.#deps.limits.highWaterBytes) this.#writeNext(pipe);
  }

  #drain(pipe: LanePipe): void {
    pipe.queue.seal();
    while (pipe.queue.hasSealed) this.#writeNext(pipe);
  }

  #writeNext(pipe: LanePipe): void {
    const frame = pipe.queue.shift()!;
    this.#deps.tally.sent(frame.bytes.length, frame.messages);
    pipe.socket.write(frame.bytes, pipe.written);
  }

  #received(lane: Lane, frame: Uint8Array): void {
    if (this.#isDown) return;
    if (lane === 'control') this.#keepAlive.heard();
    this.#deps.tally.received(frame.length);
    try {
      const { kind, version } = readFrameHeader(frame, this.#deps.limits.frameBytesMax);
      if (kind === FRAME.ping) this.#pong(lane);
      else if (kind === FRAME.data && version === this.wireVersion) this.#deliver(frame);
      else if (kind !== FRAME.pong) {
        const problem = `kind ${kind}, version ${version} on a link of version ${this.wireVersion}`;
        throw new TuttiError('TUTTI_FRAME_MALFORMED', { problem });
      }
    } catch (thrown) {
      if (!isTuttiError(thrown)) throw thrown;
      this.#deps.refusals.note(thrown, this.peer.nodeId, false);
      this.down(thrown.message);
    }
  }

  #deliver(frame: Uint8Array): void {
    readMessages(frame, (channel, start, end) => {
      if (this.#isDown) return;
      let message: unknown;
      try {
        message = msgpackCodec.decodeRange(frame, start, end);
      } catch (thrown) {
        // The frame is sound and one message in it is not: that one is lost, and the link stays.
        this.#deps.refusals.note(thrown as TuttiError, this.peer.nodeId, false);
        return;
      }
      this.#deps.subscriptions.deliver(this.peer, channel, message);
    });
  }

  #write(lane: Lane, kind: typeof FRAME.ping | typeof FRAME.pong): void {
    const pipe = this.#lanes[lane];
    const frame = frameOf(this.wireVersion, kind);
    this.#deps.tally.sent(frame.length, 0);
    pipe.socket.write(frame, pipe.written);
  }

  /** A peer that asks and does not read gets no more answers than a lane may hold. */
  #pong(lane: Lane): void {
    if (this.#lanes[lane].socket.bufferedBytes < this.#deps.limits.highWaterBytes)
      this.#write(lane, FRAME.pong);
  }

  /** Probes prove what the peer sends; a lane of which it takes nothing would go unnoticed behind that. */
  #stuckLane(): Lane | undefined {
    return (['control', 'bulk'] as const).find((lane) => {
      const { socket, progress } = this.#lanes[lane];
      if (socket.bufferedBytes === 0) progress.heard();
      return progress.tick() === 'dead';
    });
  }

  #schedulePing(): void {
    if (this.#isDown) return;
    const { clock, limits } = this.#deps;
    this.#timer = clock.setTimer(limits.pingIntervalMs, () => {
      if (this.#keepAlive.tick() === 'dead') return this.down('the peer is silent');
      const stuck = this.#stuckLane();
      if (stuck) return this.down(`the ${stuck} lane is stuck`);
      this.#write('control', FRAME.ping);
      this.#schedulePing();
    });
  }
}

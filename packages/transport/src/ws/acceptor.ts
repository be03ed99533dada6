import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  assert,
  type Clock,
  type Logger,
  messageOf,
  type NodeId,
  type PeerIdentity,
  TuttiError,
} from '@tutti/kernel';
import { type WebSocket, WebSocketServer } from 'ws';
import type { TransportLimits } from '../codec/limits.ts';
import type { Established } from '../session/handshake.ts';
import type { Refusals } from '../session/refusals.ts';
import { Door } from './door.ts';
import { LaneSocket } from './lane-socket.ts';
import type { SessionMaker } from './session-maker.ts';

/** Where to listen. Port 0 takes any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface AcceptorDeps {
  readonly limits: TransportLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sessions: SessionMaker;
  readonly refusals: Refusals;
  /** A peer has proven itself on a new control lane: whatever link there was to it is over. */
  readonly superseded: (peer: PeerIdentity) => void;
  readonly linked: (result: Established, control: LaneSocket, bulk: LaneSocket) => void;
  readonly lost: (socket: LaneSocket, reason: string) => void;
}

interface Half {
  readonly result: Established;
  readonly socket: LaneSocket;
}

/** Takes calls: authenticates each connection, and joins the two lanes of a link by the link's name. */
export class Acceptor {
  readonly #listen: ListenAddress;
  readonly #deps: AcceptorDeps;
  readonly #unproven = new Map<LaneSocket, WebSocket>();
  /** Control lanes that wait for their bulk lane; one per peer. */
  readonly #halves = new Map<NodeId, Half>();
  readonly #door: Door;

  constructor(listen: ListenAddress, deps: AcceptorDeps) {
    this.#listen = listen;
    this.#deps = deps;
    this.#door = new Door({ ...deps, unproven: () => this.#unproven.size });
  }

  /** @throws TuttiError `TUTTI_PORT_IN_USE`, `TUTTI_LISTEN_FAILED` */
  async open(): Promise<void> {
    const { host, port } = this.#listen;
    const { server: listener } = this.#door;
    const server = new WebSocketServer({
      server: listener,
      perMessageDeflate: false,
      maxPayload: this.#deps.limits.frameBytesMax,
      clientTracking: false,
    });
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', (error: Error & { code?: string }) => reject(listenError(error, host, port)));
      listener.listen(port, host);
    });
    server.on('error', (error) =>
      this.#deps.logger.error({ problem: messageOf(error) }, 'the listener failed'),
    );
    server.on('connection', (socket: WebSocket, request: IncomingMessage) =>
      this.#connected(socket, request),
    );
  }

  /** The URL that peers dial, with the real port. */
  address(): string {
    const bound = this.#door.server.address() as AddressInfo | null;
    assert(bound, 'the transport is open');
    const { port, address, family } = bound;
    const host = family === 'IPv6' ? `[${address}]` : address;
    return `ws://${host}:${port}`;
  }

  async close(): Promise<void> {
    for (const raw of this.#unproven.values()) raw.terminate();
    for (const { socket } of this.#halves.values()) socket.terminate();
    await this.#door.close();
  }

  #connected(raw: WebSocket, request: IncomingMessage): void {
    const { limits, clock, sessions, refusals, lost } = this.#deps;
    const remote = `${request.socket.remoteAddress}`;
    const events = {
      established: (result: Established) => this.#established(socket, result),
      refused: (error: TuttiError, byPeer: boolean) => refusals.note(error, namedIn(error) ?? remote, byPeer),
      closed: (reason: string) => {
        this.#unproven.delete(socket);
        this.#forgetHalf(socket);
        lost(socket, reason);
      },
    };
    const socket: LaneSocket = new LaneSocket(raw, sessions.accept(), events, { limits, clock, remote });
    this.#unproven.set(socket, raw);
    this.#limitUnproven(socket, request);
    socket.start();
  }

  /** Whoever has proven nothing may send little: far less than the frames that a peer may. */
  #limitUnproven(socket: LaneSocket, request: IncomingMessage): void {
    const limitBytes = this.#deps.limits.handshakeBytesMax;
    let bytes = 0;
    const count = (chunk: Buffer) => {
      if (!this.#unproven.has(socket)) {
        request.socket.off('data', count);
        return;
      }
      bytes += chunk.length;
      if (bytes > limitBytes) socket.refuse(new TuttiError('TUTTI_FRAME_TOO_LARGE', { bytes, limitBytes }));
    };
    request.socket.prependListener('data', count);
  }

  #established(socket: LaneSocket, result: Established): void {
    this.#unproven.delete(socket);
    const { peer, lane, link } = result;
    if (lane === 'control') {
      this.#halves.get(peer.nodeId)?.socket.terminate();
      this.#halves.set(peer.nodeId, { result, socket });
      this.#deps.superseded(peer);
      return;
    }
    const half = this.#halves.get(peer.nodeId);
    if (half?.result.link !== link || half.result.peer.incarnation !== peer.incarnation) {
      const problem = 'a bulk lane without its control lane';
      socket.refuse(new TuttiError('TUTTI_FRAME_MALFORMED', { problem }));
      return;
    }
    this.#halves.delete(peer.nodeId);
    this.#deps.linked(half.result, half.socket, socket);
  }

  #forgetHalf(socket: LaneSocket): void {
    for (const [nodeId, half] of this.#halves) if (half.socket === socket) this.#halves.delete(nodeId);
  }
}

/** Whom a refusal is about, where it names a node. */
function namedIn(error: TuttiError): string | undefined {
  const named = error.details['nodeId'];
  return typeof named === 'string' ? named : undefined;
}

function listenError(error: Error & { code?: string }, host: string, port: number): TuttiError {
  if (error.code === 'EADDRINUSE')
    return new TuttiError('TUTTI_PORT_IN_USE', { host, port }, { cause: error });
  return new TuttiError('TUTTI_LISTEN_FAILED', { host, port, problem: error.message }, { cause: error });
}

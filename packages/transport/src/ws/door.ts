import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, type Timer, TuttiError } from '@tutti/kernel';
import type { TransportLimits } from '../codec/limits.ts';
import type { Refusals } from '../session/refusals.ts';

export interface DoorDeps {
  readonly limits: TransportLimits;
  readonly clock: Clock;
  readonly refusals: Refusals;
  /** Connections that are through the door and have not proven yet who they are. */
  readonly unproven: () => number;
}

/**
 * The listening server, which takes WebSocket upgrades and nothing else. Before its upgrade a connection is known to
 * nobody else, so the bounds for strangers begin here: one that says nothing, or one byte a second, is cut when a
 * handshake would have to be over, and no more of them are held than handshakes may be under way.
 */
export class Door {
  readonly server: Server;
  readonly #deps: DoorDeps;
  readonly #waiting = new Map<Socket, Timer>();

  constructor(deps: DoorDeps) {
    this.#deps = deps;
    this.server = createServer((_, response) => {
      response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end();
    });
    this.server.on('connection', (socket: Socket) => this.#came(socket));
    this.server.prependListener('upgrade', ({ socket }) => this.#forget(socket));
  }

  /** Takes no more connections, and cuts those that are not through. Resolves when all others have ended too. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.#waiting.keys()) socket.destroy();
    return closed;
  }

  #came(socket: Socket): void {
    const { limits, clock, unproven } = this.#deps;
    const size = this.#waiting.size + unproven();
    if (size >= limits.handshakesMax) {
      const details = { what: 'The list of unproven connections', size, limit: limits.handshakesMax };
      return this.#cut(socket, new TuttiError('TUTTI_OVERLOADED', details));
    }
    const timeoutMs = limits.handshakeTimeoutMs;
    const timer = clock.setTimer(timeoutMs, () => {
      const peer = `${socket.remoteAddress}`;
      this.#cut(socket, new TuttiError('TUTTI_HANDSHAKE_TIMEOUT', { peer, timeoutMs }));
    });
    this.#waiting.set(socket, timer);
    socket.once('close', () => this.#forget(socket));
  }

  #cut(socket: Socket, error: TuttiError): void {
    this.#deps.refusals.note(error, `${socket.remoteAddress}`, false);
    socket.destroy();
  }

  #forget(socket: Socket): void {
    const timer = this.#waiting.get(socket);
    if (timer) this.#deps.clock.clearTimer(timer);
    this.#waiting.delete(socket);
  }
}

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A relay in front of a listener, so that a test can break, freeze or hide connections that both ends believe in.
 * It has one address for as many lives of a node as there are: {@link target} moves to the next one's port.
 */
export class TcpRelay {
  /** The port that is relayed to; undefined hides the node: calls are closed at once. */
  target: number | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isFrozen = false;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#relay(socket));
  }

  static async open(): Promise<TcpRelay> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TcpRelay(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resets every connection that is open now. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  /** Passes nothing on from now on, in either direction, and keeps the connections open. */
  freeze(): void {
    this.#isFrozen = true;
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** Passes nothing more on over the connection that was made last. */
  freezeNewest(): void {
    for (const socket of [...this.#sockets].slice(-2)) {
      socket.unpipe();
      socket.pause();
    }
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #relay(client: Socket): void {
    if (this.target === undefined || this.#isFrozen) return void client.destroy();
    const upstream = connect(this.target, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}

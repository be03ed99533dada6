import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands on the way from one node to another and can fall silent, as a cut cable does: nobody is told. */
export class LinkRelay {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isCut = false;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    server.on('connection', (client) => this.#relay(client));
  }

  static async open(targetPort: number): Promise<LinkRelay> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new LinkRelay(server, targetPort);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Holds every byte back, in both directions, also of connections that are made meanwhile. */
  cut(): void {
    this.#isCut = true;
    for (const [a, b] of this.#pairs) {
      a.unpipe(b).pause();
      b.unpipe(a).pause();
    }
  }

  /** What was held back arrives late, as it does over TCP. */
  heal(): void {
    this.#isCut = false;
    for (const [a, b] of this.#pairs) join(a, b);
  }

  close(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
  }

  #relay(client: Socket): void {
    const upstream = connect(this.#targetPort, '127.0.0.1');
    const pair = [client, upstream] as const;
    this.#pairs.add(pair);
    for (const [socket, other] of [pair, [upstream, client] as const]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#pairs.delete(pair);
        other.destroy();
      });
    }
    if (!this.#isCut) join(client, upstream);
  }
}

function join(a: Socket, b: Socket): void {
  a.pipe(b);
  b.pipe(a);
}

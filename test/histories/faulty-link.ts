import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Of the two nodes at its ends the dialler calls and the acceptor is called. */
export type Direction = 'toAcceptor' | 'toDialler';

/** Bytes that a direction holds back before it lets the sender wait, as a network's buffers would. */
const HELD_BYTES_MAX = 2 ** 20;

/**
 * The network between two nodes: a TCP relay of which each direction can be held or slowed down by itself. What is
 * held is delivered when the direction is released, late and in order, as TCP does after a partition; that the other
 * end is gone is not noticed through a held direction either.
 */
export class FaultyLink {
  /** Where the acceptor listens in its present life. */
  target: number;
  readonly #server: Server;
  readonly #pumps = new Set<Pump>();
  readonly #held: Record<Direction, number> = { toAcceptor: 0, toDialler: 0 };
  readonly #delayMs: Record<Direction, number> = { toAcceptor: 0, toDialler: 0 };

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.target = target;
    server.on('connection', (dialler) => this.#relay(dialler));
  }

  static async open(target: number): Promise<FaultyLink> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FaultyLink(server, target);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Nothing gets through in this direction until {@link release} was called as often. */
  hold(direction: Direction): void {
    this.#held[direction]++;
  }

  release(direction: Direction): void {
    this.#held[direction]--;
    this.#flush();
  }

  /** What comes in from now on arrives that much later. */
  slow(direction: Direction, delayMs: number): void {
    this.#delayMs[direction] = delayMs;
  }

  /** Breaks the connections that there are, which both ends notice. */
  reset(): void {
    for (const pump of this.#pumps) pump.destroy();
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #relay(dialler: Socket): void {
    const acceptor = connect(this.target, '127.0.0.1');
    const ways: [Direction, Socket, Socket][] = [
      ['toAcceptor', dialler, acceptor],
      ['toDialler', acceptor, dialler],
    ];
    for (const [direction, from, to] of ways) {
      const pump = new Pump(from, to, {
        isHeld: () => this.#held[direction] > 0,
        delayMs: () => this.#delayMs[direction],
        ended: () => this.#pumps.delete(pump),
      });
      this.#pumps.add(pump);
    }
  }

  #flush(): void {
    for (const pump of this.#pumps) pump.flush();
  }
}

interface Way {
  isHeld(): boolean;
  delayMs(): number;
  ended(): void;
}

/** One direction of one connection. */
class Pump {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #way: Way;
  readonly #queue: { readonly chunk: Buffer; readonly dueAt: number }[] = [];
  #queuedBytes = 0;
  #isSourceGone = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, way: Way) {
    this.#from = from;
    this.#to = to;
    this.#way = way;
    from.setNoDelay(true);
    from.on('error', () => {});
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('close', () => {
      this.#isSourceGone = true;
      this.flush();
    });
    to.on('drain', () => this.flush());
    to.on('close', () => this.#end());
  }

  destroy(): void {
    this.#from.destroy();
    this.#to.destroy();
  }

  #take(chunk: Buffer): void {
    this.#queue.push({ chunk, dueAt: performance.now() + this.#way.delayMs() });
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes > HELD_BYTES_MAX) this.#from.pause();
    this.flush();
  }

  flush(): void {
    while (!this.#way.isHeld() && !this.#to.writableNeedDrain) {
      const next = this.#queue[0];
      if (!next) break;
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) return this.#flushIn(waitMs);
      this.#queue.shift();
      this.#queuedBytes -= next.chunk.length;
      this.#to.write(next.chunk);
    }
    if (this.#queuedBytes <= HELD_BYTES_MAX && this.#from.isPaused()) this.#from.resume();
    if (this.#isSourceGone && this.#queue.length === 0 && !this.#way.isHeld()) this.#to.destroy();
  }

  #flushIn(waitMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, waitMs);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#from.destroy();
    this.#way.ended();
  }
}

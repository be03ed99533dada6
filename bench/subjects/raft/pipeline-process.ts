// One of three processes that do only what durability on a majority asks for: frames over ws, fdatasync, a count.
import { close, fdatasync, fdatasyncSync, openSync, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { serve } from '../../harness/fleet-member.ts';
import { type ClosedLoad, closedLoop, openLoop } from '../../harness/load.ts';
import type { OfferedLoad } from './levels.ts';

const PREALLOCATED_BYTES = 64 * 2 ** 20;
let entryBytes = 256;

/** A file that is written and flushed by what has gathered since the last flush; one flush at a time. */
class FlushedFile {
  readonly #file: number;
  #gathered: Buffer[] = [];
  #count = 0;
  #flushed = 0;
  #position = 0;
  #isBusy = false;
  readonly #onFlushed: (count: number) => void;

  constructor(path: string, onFlushed: (count: number) => void) {
    this.#file = openSync(path, 'w');
    writeSync(this.#file, Buffer.alloc(PREALLOCATED_BYTES));
    // Here, and not by the first flush that is measured.
    fdatasyncSync(this.#file);
    this.#onFlushed = onFlushed;
  }

  add(bytes: Buffer, entries: number): void {
    this.#gathered.push(bytes);
    this.#count += entries;
    if (!this.#isBusy) this.#flush();
  }

  #flush(): void {
    this.#isBusy = true;
    const bytes = Buffer.concat(this.#gathered);
    const count = this.#count;
    this.#gathered = [];
    if (this.#position + bytes.length > PREALLOCATED_BYTES) this.#position = 0;
    write(this.#file, bytes, 0, bytes.length, this.#position, (failure, written) => {
      if (failure || written !== bytes.length) throw failure ?? new Error('a short write');
      this.#position += written;
      fdatasync(this.#file, (failure) => {
        if (failure) throw failure;
        this.#isBusy = false;
        this.#flushed = count;
        this.#onFlushed(this.#flushed);
        if (this.#gathered.length > 0) this.#flush();
      });
    });
  }

  close(): void {
    close(this.#file, () => {});
  }
}

let entriesHeld = 0;

/** A follower: flushes what comes and says how many entries it holds. */
function follow(folder: string): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket) => {
    const file = new FlushedFile(join(folder, 'log'), (count) => {
      entriesHeld = count;
      const answer = Buffer.alloc(8);
      answer.writeDoubleBE(count);
      socket.send(answer);
    });
    socket.on('message', (data: Buffer) => file.add(data, data.length / entryBytes));
  });
  return new Promise((resolve) => {
    server.once('listening', () => resolve((server.address() as { port: number }).port));
  });
}

/** The leader: what its clients ask for in one turn of the loop is one frame and one write. */
class Leader {
  readonly #sockets: WebSocket[];
  readonly #file: FlushedFile;
  readonly #held = [0, 0, 0];
  readonly #waiting: (() => void)[] = [];
  #gathered: Buffer[] = [];
  #committed = 0;
  #isScheduled = false;

  constructor(folder: string, sockets: WebSocket[]) {
    this.#sockets = sockets;
    this.#file = new FlushedFile(join(folder, 'log'), (count) => this.#holds(0, count));
    sockets.forEach((socket, i) =>
      socket.on('message', (data: Buffer) => this.#holds(i + 1, data.readDoubleBE(0))),
    );
  }

  propose(entry: Buffer, done: () => void): void {
    this.#waiting.push(done);
    this.#gathered.push(entry);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#send());
  }

  #send(): void {
    this.#isScheduled = false;
    const entries = this.#gathered.length;
    const frame = Buffer.concat(this.#gathered);
    this.#gathered = [];
    for (const socket of this.#sockets) socket.send(frame);
    this.#file.add(frame, entries);
  }

  #holds(who: number, count: number): void {
    this.#held[who] = count;
    const majority = this.#held.toSorted((a, b) => a - b)[1]!;
    const done = this.#waiting.splice(0, majority - this.#committed);
    this.#committed = majority;
    entriesHeld = this.#held[0]!;
    for (const action of done) action();
  }
}

let leader: Leader | undefined;

async function lead({ folder, ports }: { folder: string; ports: readonly number[] }): Promise<void> {
  const sockets = await Promise.all(
    ports.map(async (port) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      return socket;
    }),
  );
  leader = new Leader(folder, sockets);
}

/** Proposes, and counts when it is done. */
function requestOf(acknowledge: () => void): (done: () => void) => void {
  const entry = Buffer.alloc(entryBytes, 7);
  return (done) =>
    leader!.propose(entry, () => {
      acknowledge();
      done();
    });
}

serve({
  follow,
  lead,
  async load(load: ClosedLoad) {
    let acknowledged = 0;
    const { perS, latencies } = await closedLoop(
      load,
      requestOf(() => acknowledged++),
    );
    return { perS, latencies: latencies.pack(), acknowledged };
  },
  async offer({ ratePerS, durationMs }: OfferedLoad) {
    const { latencies } = await openLoop(
      ratePerS,
      durationMs,
      requestOf(() => {}),
    );
    return latencies.pack();
  },
  held: () => entriesHeld,
  /** Before the first load. */
  entryBytes: (bytes: number) => void (entryBytes = bytes),
});

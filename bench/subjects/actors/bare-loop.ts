import type { Measurement, Sizes } from '../../harness/case.ts';
import { batchRate } from '../../harness/load.ts';
import { Arrivals, mustEqual } from './arrivals.ts';
import { ADD, measureOneWay } from './one-way.ts';

/** An array as a queue, filled and emptied by one loop: what the language itself costs. */
export async function arrayQueue(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const queue: unknown[] = [];
  let handled = 0;
  const send = () => {
    queue.push(ADD);
    if (queue.length < sizes['batch']!) return;
    for (let i = 0; i < queue.length; i++)
      if (queue[i] === ADD) {
        handled++;
        arrivals.arrive();
      }
    queue.length = 0;
  };
  return await measureOneWay(sizes, send, arrivals, () => handled);
}

/** The least that can be called an actor: a ring as mailbox, a queue of ready cells, one hop of the loop per turn. */
class BareCell<Message> {
  readonly #ring: (Message | undefined)[];
  readonly #mask: number;
  readonly #loop: BareLoop;
  readonly #handle: (message: Message) => void;
  #head = 0;
  #tail = 0;

  constructor(loop: BareLoop, capacity: number, handle: (message: Message) => void) {
    this.#ring = new Array<Message | undefined>(capacity);
    this.#mask = capacity - 1;
    this.#loop = loop;
    this.#handle = handle;
  }

  send(message: Message): void {
    if (this.#head === this.#tail) this.#loop.ready(this);
    this.#ring[this.#tail++ & this.#mask] = message;
  }

  /** Handles up to a quantum; true if something is left. */
  run(quantum: number): boolean {
    for (let i = 0; i < quantum && this.#head < this.#tail; i++) {
      const at = this.#head & this.#mask;
      const message = this.#ring[at]!;
      this.#ring[at] = undefined;
      // Taken out only afterwards, so that what the handler sends here finds a cell that is not idle.
      this.#handle(message);
      this.#head++;
    }
    return this.#head < this.#tail;
  }
}

class BareLoop {
  readonly #queue: { run(quantum: number): boolean }[] = [];
  #isScheduled = false;

  ready(cell: { run(quantum: number): boolean }): void {
    this.#queue.push(cell);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    for (let i = 0; i < this.#queue.length && i < TURN_CELLS; i++) {
      const cell = this.#queue[i]!;
      if (cell.run(QUANTUM)) this.#queue.push(cell);
    }
    this.#queue.splice(0, TURN_CELLS);
    this.#isScheduled = this.#queue.length > 0;
    if (this.#isScheduled) setImmediate(() => this.#turn());
  }
}

const QUANTUM = 64;
const TURN_CELLS = 4_096;
const RING = 2 ** 17;

export async function oneWay(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  let handled = 0;
  const cell = new BareCell(new BareLoop(), RING, () => {
    handled++;
    arrivals.arrive();
  });
  return await measureOneWay(
    sizes,
    () => cell.send(ADD),
    arrivals,
    () => handled,
  );
}

export async function pingPong({ warmUpMs, durationMs, batch }: Sizes): Promise<Measurement> {
  const loop = new BareLoop();
  let finished = () => {};
  let touches = 0;
  const player = (other: () => BareCell<{ left: number }>) =>
    new BareCell<{ left: number }>(loop, 64, ({ left }) => {
      touches++;
      if (left > 0) other().send({ left: left - 1 });
      else finished();
    });
  const ping: BareCell<{ left: number }> = player(() => pong);
  const pong: BareCell<{ left: number }> = player(() => ping);
  let expected = 0;
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, async () => {
    expected += 2 * batch!;
    await new Promise<void>((resolve) => {
      finished = resolve;
      ping.send({ left: 2 * batch! - 1 });
    });
  });
  mustEqual('touches of the ball', touches, expected);
  return { figures: { rate }, verified: `${touches} touches counted` };
}

export async function spawnStop({ warmUpMs, durationMs, batch }: Sizes): Promise<Measurement> {
  const loop = new BareLoop();
  const alive = new Map<number, BareCell<unknown>>();
  let next = 0;
  const reducer = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, () => {
    const first = next;
    for (let i = 0; i < batch!; i++) alive.set(next++, new BareCell(loop, 1, () => {}));
    for (let id = first; id < next; id++) alive.delete(id);
  });
  mustEqual('cells left', alive.size, 0);
  return { figures: { reducer }, verified: 'the table of cells was empty after each batch' };
}

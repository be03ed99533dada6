// Tells a run that goes on for ever from one whose machine is busy with something else.
import type { Worker } from 'node:worker_threads';

const LOOK_MS = 1_000;

/**
 * Watches how much processor time a worker has had since it last said something. Time on the wall says nothing about a
 * run: with other work on the machine the same one takes many times as long.
 * @param limitMs Processor time in milliseconds after which `onLoop` is called, once.
 */
export class LoopWatch {
  readonly #worker: Worker;
  readonly #limitMs: number;
  readonly #onLoop: () => void;
  readonly #timer: NodeJS.Timeout;
  /** As it was at the first look after the worker's last word. */
  #since: number | undefined;

  constructor(worker: Worker, limitMs: number, onLoop: () => void) {
    this.#worker = worker;
    this.#limitMs = limitMs;
    this.#onLoop = onLoop;
    this.#timer = setInterval(() => void this.#look(), Math.min(LOOK_MS, limitMs / 4));
  }

  /** The worker has said something. */
  heard(): void {
    this.#since = undefined;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // A worker that has just ended can no longer be asked.
    const usage = await this.#worker.cpuUsage().catch(() => undefined);
    if (!usage) return;
    const ms = (usage.user + usage.system) / 1_000;
    this.#since ??= ms;
    if (ms - this.#since < this.#limitMs) return;
    this.stop();
    this.#onLoop();
  }
}

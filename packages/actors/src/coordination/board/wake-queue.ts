import { Heap } from '@tutti/kernel';
import type { TaskRecord } from './state.ts';

interface Entry {
  readonly retryAt: number;
  readonly record: TaskRecord;
}

/** The retries of one session by their time, then by task. Those that were woken early are skipped when met. */
export class WakeQueue {
  #heap = newHeap();
  #waiting = 0;

  /** How many tasks wait for a retry. */
  get size(): number {
    return this.#waiting;
  }

  /** To be called once the record is in `backoff` with its `retryAt`. */
  add(record: TaskRecord): void {
    this.#waiting++;
    this.#heap.push({ retryAt: record.retryAt!, record });
  }

  /** To be called once the record has left `backoff`. Keeps dead entries below the number of live ones. */
  removed(): void {
    this.#waiting--;
    if (this.#heap.size <= 2 * this.#waiting + 64) return;
    const kept = [...this.#drain()];
    for (const entry of kept) this.#heap.push(entry);
  }

  first(): TaskRecord | undefined {
    for (let entry = this.#heap.peek(); entry; entry = this.#heap.peek()) {
      if (isLive(entry)) return entry.record;
      this.#heap.pop();
    }
    return undefined;
  }

  /** Those whose time has come, earliest first. They stay until they are woken. */
  due(nowMs: number): TaskRecord[] {
    const found: Entry[] = [];
    for (let first = this.first(); first && first.retryAt! <= nowMs; first = this.first())
      found.push(this.#heap.pop()!);
    for (const entry of found) this.#heap.push(entry);
    return [...new Set(found.map(({ record }) => record))];
  }

  *#drain(): IterableIterator<Entry> {
    const heap = this.#heap;
    this.#heap = newHeap();
    for (let entry = heap.pop(); entry; entry = heap.pop()) if (isLive(entry)) yield entry;
  }
}

function newHeap(): Heap<Entry> {
  return new Heap((a, b) => a.retryAt - b.retryAt || (a.record.plan.id < b.record.plan.id ? -1 : 1));
}

function isLive({ retryAt, record }: Entry): boolean {
  return record.state === 'backoff' && record.retryAt === retryAt;
}

import {
  type HistoryRecorder,
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
} from '@tutti/consensus/linearizability';
import type { Random } from '@tutti/kernel';
import { after } from './five-nodes.ts';
import type { Answer, Request } from './operating.ts';

const THINK_MEAN_MS = 8;
/** How long a node may take over a request, and how long its client waits for one that is silent. */
const TIMEOUT_MS = 1_000;
const PATIENCE_MS = 1_500;

/** What clients see of a cluster. */
export interface Served {
  /** The nodes that may be asked now. */
  up(): readonly string[];
  operate(name: string, request: Request): Promise<Answer>;
}

export type RegisterRecorder = HistoryRecorder<RegisterInput, RegisterOutput>;

/**
 * Clients that each do one thing at a time, at any node, as they please: read, write, or swap what they last saw. No
 * value is written twice, so a value tells which operation wrote it.
 */
export class Clients {
  readonly #cluster: Served;
  readonly #recorder: RegisterRecorder;
  readonly #keys: readonly string[];
  readonly #seen = new Map<string, RegisterValue>();
  #serial = 0;
  #stopped = false;
  readonly counts = { returned: 0, failed: 0, unknown: 0 };

  constructor(cluster: Served, recorder: RegisterRecorder, keyCount: number) {
    this.#cluster = cluster;
    this.#recorder = recorder;
    this.#keys = Array.from({ length: keyCount }, (_, index) => `k${index + 1}`);
  }

  /** Lets one client work until {@link stop}. */
  async run(name: string, random: Random): Promise<void> {
    while (!this.#stopped) {
      await after(random.exponential(THINK_MEAN_MS));
      const node = this.#cluster.up();
      if (node.length > 0 && !this.#stopped) await this.operate(name, random.pick(node), this.#draw(random));
    }
  }

  /** Whether so many more operations were answered before the time was up. */
  async answered(count: number, patienceMs: number): Promise<boolean> {
    const target = this.counts.returned + count;
    const giveUpAt = performance.now() + patienceMs;
    while (this.counts.returned < target && performance.now() < giveUpAt) await after(THINK_MEAN_MS);
    return this.counts.returned >= target;
  }

  stop(): void {
    this.#stopped = true;
  }

  #draw(random: Random): RegisterInput {
    const key = random.pick(this.#keys);
    const kind = random.float();
    if (kind < 0.5) return { op: 'read', key };
    if (kind < 0.75) return { op: 'write', key, value: ++this.#serial };
    return { op: 'cas', key, from: this.#seen.get(key) ?? null, to: ++this.#serial };
  }

  /** Does one operation at one node and records it. `withoutBarrier` is the wrong way to read. */
  async operate(client: string, node: string, input: RegisterInput, withoutBarrier = false): Promise<Answer> {
    const call = this.#recorder.call(client, input);
    const request = { input, timeoutMs: TIMEOUT_MS, withoutBarrier };
    const answer = await Promise.race([this.#ask(node, request), silence()]);
    // A read that nobody answered has no effect.
    const kind = answer.kind === 'unknown' && input.op === 'read' ? 'failed' : answer.kind;
    this.counts[kind]++;
    if (answer.kind === 'returned') {
      call.returned(answer.output);
      this.#note(input, answer.output);
    } else if (kind === 'failed') call.failed();
    else call.unknown();
    return answer;
  }

  async #ask(node: string, request: Request): Promise<Answer> {
    try {
      return await this.#cluster.operate(node, request);
    } catch {
      return { kind: 'unknown', code: 'the node is gone' };
    }
  }

  #note(input: RegisterInput, output: RegisterOutput): void {
    if (input.op === 'read') this.#seen.set(input.key, output as RegisterValue);
    else if (input.op === 'write') this.#seen.set(input.key, input.value);
    else if (output === true) this.#seen.set(input.key, input.to);
  }
}

async function silence(): Promise<Answer> {
  await after(PATIENCE_MS);
  return { kind: 'unknown', code: 'the node is silent' };
}

import {
  checkLinearizable,
  describeVerdict,
  HistoryRecorder,
  type OpenCall,
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
  timelineHtml,
} from '../../linearizability/index.ts';
import type { Violations } from '../violations.ts';

/** Calls of one register, after which clients go on to a fresh one: what a search costs grows faster than its history. */
const CALLS_MAX = 48;
/** What the search of one register may take: far more than such a history needs. */
const STEPS_MAX = 1_000_000;

/**
 * What clients did to registers and what they were told, judged at the end of a run by the linearizability checker,
 * one register at a time. A write or a swap that was not answered may have taken effect at any time, or never.
 */
export class RegisterHistory {
  readonly #violations: Violations;
  readonly #stepsMax: number;
  readonly #recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
  /** Calls by the name of a register, over all its successors. */
  readonly #calls = new Map<string, number>();
  /** What clients were told to stand in each register, in the order in which they were. */
  readonly #seen = new Map<string, RegisterValue[]>();

  constructor(violations: Violations, stepsMax: number = STEPS_MAX) {
    this.#violations = violations;
    this.#stepsMax = stepsMax;
  }

  /** Calls of all registers. */
  get size(): number {
    return this.#recorder.size;
  }

  /** The register that `name` stands for now. */
  key(name: string): string {
    return `${name}.${Math.floor((this.#calls.get(name) ?? 0) / CALLS_MAX)}`;
  }

  seen(key: string): readonly RegisterValue[] {
    return this.#seen.get(key) ?? [];
  }

  /** Begins a call, before anything of it is sent. What is not ended stays unknown. */
  begin(client: string, input: RegisterInput): OpenCall<RegisterOutput> {
    const name = input.key.slice(0, input.key.lastIndexOf('.'));
    this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
    const call = this.#recorder.call(client, input);
    return {
      ...call,
      returned: (output) => {
        call.returned(output);
        this.#note(input, output);
      },
    };
  }

  #note(input: RegisterInput, output: RegisterOutput): void {
    if (input.op === 'cas' && output !== true) return;
    const value =
      input.op === 'read' ? (output as RegisterValue) : input.op === 'cas' ? input.to : input.value;
    const seen = this.#seen.get(input.key);
    if (seen) seen.push(value);
    else this.#seen.set(input.key, [value]);
  }

  /**
   * The end of a run.
   * @param values what all nodes agree on: one more read of each register
   */
  judge(values: ReadonlyMap<string, RegisterValue>): void {
    const keys = new Set(this.#recorder.operations().map(({ input }) => input.key));
    for (const key of keys) this.begin('the end', { op: 'read', key }).returned(values.get(key) ?? null);
    // A read that was never answered did nothing.
    const operations = this.#recorder
      .operations()
      .filter(({ input, ending }) => input.op !== 'read' || ending.kind === 'returned');
    const verdict = checkLinearizable(operations, registerModel, { stepsMax: this.#stepsMax });
    if (verdict.verdict === 'linearizable') return;
    const text = describeVerdict(verdict, registerModel);
    if (verdict.verdict === 'undecided') this.#violations.add('the simulator judges every history', text);
    else {
      const page = timelineHtml(verdict.violation, registerModel);
      this.#violations.add('linearizable per key', text, { operations: verdict.violation.operations, page });
    }
  }
}

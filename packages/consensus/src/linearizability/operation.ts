import { TuttiError } from '@tutti/kernel';

/** What a client knows about the end of its call. */
export type Ending<Output> =
  /** It was answered. */
  | { readonly kind: 'returned'; readonly at: number; readonly output: Output }
  /** It certainly had no effect and has none later. It says nothing about the object. */
  | { readonly kind: 'failed'; readonly at: number }
  /** Nobody knows: it may take effect at any time after it was called, or never. */
  | { readonly kind: 'unknown' };

/**
 * One call of one client. Moments are numbers on one scale for the whole history (a counter of events is best): an
 * operation precedes another exactly if it returned at a smaller moment than the other was called at.
 */
export interface Operation<Input, Output> {
  readonly client: string;
  readonly input: Input;
  readonly calledAt: number;
  readonly ending: Ending<Output>;
}

/** Ends a call that was begun with {@link HistoryRecorder.call}. Only the first of the three that is called counts. */
export interface OpenCall<Output> {
  returned(output: Output): void;
  failed(): void;
  unknown(): void;
}

/** An operation whose ending is still to come. */
type Recorded<Input, Output> = Omit<Operation<Input, Output>, 'ending'> & { ending: Ending<Output> };

/** Operations that a recorder holds where nothing else is said. */
const OPERATIONS_MAX = 1_000_000;

/** Writes down what clients do while they do it. Moments are the order in which it was told, so it needs no clock. */
export class HistoryRecorder<Input, Output> {
  readonly #operations: Recorded<Input, Output>[] = [];
  readonly #operationsMax: number;
  #moment = 0;

  /** @param operationsMax The most operations it takes; beyond it, `call` throws `TUTTI_OVERLOADED`. Default 1,000,000. */
  constructor(operationsMax: number = OPERATIONS_MAX) {
    this.#operationsMax = operationsMax;
  }

  get size(): number {
    return this.#operations.length;
  }

  /** Begins an operation, before anything of it is sent. Until it is ended its outcome is unknown. */
  call(client: string, input: Input): OpenCall<Output> {
    const size = this.#operations.length;
    if (size >= this.#operationsMax)
      throw new TuttiError('TUTTI_OVERLOADED', { what: 'The history', size, limit: this.#operationsMax });
    const ending: Ending<Output> = { kind: 'unknown' };
    const operation: Recorded<Input, Output> = { client, input, calledAt: this.#moment++, ending };
    this.#operations.push(operation);
    let open = true;
    const end = (known: Ending<Output>): void => {
      if (!open) return;
      open = false;
      operation.ending = known;
    };
    return {
      returned: (output) => end({ kind: 'returned', at: this.#moment++, output }),
      failed: () => end({ kind: 'failed', at: this.#moment++ }),
      unknown: () => end({ kind: 'unknown' }),
    };
  }

  /** The history so far, in the order of the calls. What has not ended has an unknown outcome. */
  operations(): readonly Operation<Input, Output>[] {
    return this.#operations.map((operation) => ({ ...operation }));
  }
}

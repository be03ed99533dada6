import type { Operation } from './operation.ts';
import type { SequentialModel } from './sequential-model.ts';
import { Visited } from './visited.ts';

/** What a search may cost before it gives up: operations tried at a place, and bytes of remembered places. */
export interface SearchBounds {
  readonly stepsMax: number;
  readonly memoryBytesMax: number;
}

/** Which of its bounds stopped a search. */
export type GaveUp = 'steps' | 'memory';

export type SearchResult<State, Input, Output> = {
  readonly steps: number;
} /** An order in which a single client would have been given these very answers. */ & (
  | { readonly found: 'order'; readonly order: readonly Operation<Input, Output>[] }
  /** There is none. All returns before the one of rank `deepest` could be satisfied, in one of these states. */
  | { readonly found: 'none'; readonly deepest: number; readonly states: readonly State[] }
  | { readonly found: 'gave up'; readonly why: GaveUp }
);

/** States shown of those in which the operation that has no place was tried. */
const STATES_SHOWN_MAX = 8;

interface Returned<Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly returnedAt: number;
  readonly output: Output;
}

interface Frame<State> {
  readonly state: State;
  readonly fingerprint: string;
  /** The state that there would be without the last operation, where that one is unknown and so may be left out. */
  readonly without: { readonly state: State } | undefined;
  /** Every completed operation before this one, in the order of the calls, is placed. */
  readonly low: number;
  /** The same in the order of the returns. */
  readonly rank: number;
  /** Completed operations by their index, unknown ones by its complement. */
  readonly candidates: readonly number[];
  next: number;
}

const ORIGIN = { low: 0, rank: 0 };

/** The operations that returned, in the order of their returns: the rank that searches speak of. */
export function inOrderOfReturn<Input, Output>(
  operations: readonly Operation<Input, Output>[],
): Operation<Input, Output>[] {
  return operations
    .filter(({ ending }) => ending.kind === 'returned')
    .sort((a, b) => momentOfReturn(a) - momentOfReturn(b));
}

/** When it returned; never, where its outcome is unknown. */
export function momentOfReturn({ ending }: Operation<unknown, unknown>): number {
  return ending.kind === 'unknown' ? Number.POSITIVE_INFINITY : ending.at;
}

/**
 * Looks for a linearization of one part of a history: depth first over the operations that may come next, as Wing and
 * Gong (1993) do, never twice from the same place, as Lowe (2017) adds. Operations with unknown outcome are tried
 * last, need not be placed, and are left out where nothing would notice.
 */
export class Search<State, Input, Output> {
  readonly #model: SequentialModel<State, Input, Output>;
  readonly #bounds: SearchBounds;
  /** In the order of the calls. */
  readonly #completed: Returned<Input, Output>[] = [];
  readonly #unknown: Operation<Input, Output>[] = [];
  /** Indices into the completed ones in the order of the returns. */
  readonly #byReturn: number[];
  /** For each unknown operation the one before it that does the same, or -1: of twins the elder goes first. */
  readonly #elderTwin: number[] = [];
  /** Per completed operation, whether it can still come after a state. */
  readonly #canFollow: (((state: State) => boolean) | undefined)[];
  readonly #placed: boolean[];
  readonly #taken: boolean[];
  #takenMask = 0n;
  #steps = 0;
  readonly #visited = new Visited();
  readonly #path: number[] = [];
  #deepest = 0;
  #deepestStates = new Map<string, State>();

  constructor(
    model: SequentialModel<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    bounds: SearchBounds,
  ) {
    this.#model = model;
    this.#bounds = bounds;
    const twins = new Map<string, number>();
    for (const operation of [...operations].sort((a, b) => a.calledAt - b.calledAt)) {
      const { ending } = operation;
      if (ending.kind === 'returned')
        this.#completed.push({ operation, returnedAt: ending.at, output: ending.output });
      if (ending.kind !== 'unknown') continue;
      const words = model.describe(operation.input);
      this.#elderTwin.push(twins.get(words) ?? -1);
      twins.set(words, this.#unknown.push(operation) - 1);
    }
    const returns = this.#completed;
    this.#byReturn = returns.map((_, index) => index);
    this.#byReturn.sort((a, b) => returns[a]!.returnedAt - returns[b]!.returnedAt);
    this.#placed = returns.map(() => false);
    this.#taken = this.#unknown.map(() => false);
    this.#canFollow = returns.map(({ operation, output }) => model.canFollow?.(operation.input, output));
  }

  run(): SearchResult<State, Input, Output> {
    const { initial } = this.#model;
    const { stepsMax, memoryBytesMax } = this.#bounds;
    const frames = [this.#frame(initial, this.#model.fingerprint(initial), undefined, ORIGIN)];
    while (frames.length > 0) {
      const frame = frames.at(-1)!;
      if (frame.rank === this.#completed.length)
        return { steps: this.#steps, found: 'order', order: this.#order() };
      if (frame.next === frame.candidates.length) {
        frames.pop();
        if (frames.length > 0) this.#takeBack();
        continue;
      }
      if (this.#steps === stepsMax) return { steps: this.#steps, found: 'gave up', why: 'steps' };
      if (this.#visited.bytes > memoryBytesMax)
        return { steps: this.#steps, found: 'gave up', why: 'memory' };
      this.#steps++;
      const next = this.#try(frame, frame.candidates[frame.next++]!);
      if (next) frames.push(next);
    }
    const states = [...this.#deepestStates.values()];
    return { steps: this.#steps, found: 'none', deepest: this.#deepest, states };
  }

  /** Places one more operation; undefined, and nothing changed, if that leads nowhere or where it has been. */
  #try(frame: Frame<State>, candidate: number): Frame<State> | undefined {
    const reached = this.#apply(frame.state, candidate);
    if (!reached) return undefined;
    const { state, fingerprint } = reached;
    if (candidate < 0 && fingerprint === frame.fingerprint) return undefined;
    // An unknown operation that the next one does not notice was not needed: the same place is reached without it.
    if (frame.without && this.#apply(frame.without.state, candidate)?.fingerprint === fingerprint)
      return undefined;
    this.#place(candidate, true);
    const without = candidate < 0 ? { state: frame.state } : undefined;
    const next = this.#frame(state, fingerprint, without, frame);
    if (this.#isHopeless(next) || !this.#visited.enter(this.#nameOf(next), this.#takenMask)) {
      this.#place(candidate, false);
      return undefined;
    }
    this.#path.push(candidate);
    return next;
  }

  /** The state after an operation; undefined if it would have been answered otherwise. */
  #apply(
    from: State,
    candidate: number,
  ): { readonly state: State; readonly fingerprint: string } | undefined {
    const completed = candidate < 0 ? undefined : this.#completed[candidate]!;
    const { input } = completed?.operation ?? this.#unknown[~candidate]!;
    const { state, output } = this.#model.apply(from, input);
    if (completed && !this.#model.agrees(output, completed.output)) return undefined;
    return { state, fingerprint: this.#model.fingerprint(state) };
  }

  #takeBack(): void {
    this.#place(this.#path.pop()!, false);
  }

  #place(candidate: number, on: boolean): void {
    if (candidate >= 0) this.#placed[candidate] = on;
    else {
      this.#taken[~candidate] = on;
      this.#takenMask ^= 1n << BigInt(~candidate);
    }
  }

  #frame(
    state: State,
    fingerprint: string,
    without: Frame<State>['without'],
    from: Pick<Frame<State>, 'low' | 'rank'>,
  ): Frame<State> {
    let { low, rank } = from;
    while (this.#placed[low]) low++;
    while (rank < this.#byReturn.length && this.#placed[this.#byReturn[rank]!]) rank++;
    this.#noteDepth(rank, state, fingerprint);
    return { state, fingerprint, without, low, rank, candidates: this.#candidates(low, rank), next: 0 };
  }

  /** What was called before the first return that is still to be satisfied; the one that returned first, first. */
  #candidates(low: number, rank: number): number[] {
    const deadline = this.#deadline(rank);
    const candidates: number[] = [];
    for (let index = low; index < this.#completed.length; index++) {
      if (this.#completed[index]!.operation.calledAt > deadline) break;
      if (!this.#placed[index]) candidates.push(index);
    }
    candidates.sort((a, b) => this.#completed[a]!.returnedAt - this.#completed[b]!.returnedAt);
    for (let index = 0; index < this.#unknown.length; index++) {
      if (this.#unknown[index]!.calledAt > deadline) break;
      const elder = this.#elderTwin[index]!;
      if (!this.#taken[index] && (elder < 0 || this.#taken[elder])) candidates.push(~index);
    }
    return candidates;
  }

  #deadline(rank: number): number {
    const first = this.#byReturn[rank];
    return first === undefined ? Number.POSITIVE_INFINITY : this.#completed[first]!.returnedAt;
  }

  #noteDepth(rank: number, state: State, fingerprint: string): void {
    if (rank < this.#deepest) return;
    if (rank > this.#deepest) this.#deepestStates.clear();
    this.#deepest = rank;
    if (this.#deepestStates.size < STATES_SHOWN_MAX) this.#deepestStates.set(fingerprint, state);
  }

  /** Whether the next operation that excludes anything is excluded already. */
  #isHopeless(frame: Frame<State>): boolean {
    if (!this.#model.canFollow) return false;
    for (let rank = frame.rank; rank < this.#byReturn.length; rank++) {
      const index = this.#byReturn[rank]!;
      const test = this.#placed[index] ? undefined : this.#canFollow[index];
      if (test) return !test(frame.state);
    }
    return false;
  }

  /** Which completed operations are placed, shortly: all below `low`, and a few above it that overlap. */
  #nameOf(frame: Frame<State>): string {
    const deadline = this.#deadline(frame.rank);
    let name = `${frame.low}`;
    for (let index = frame.low + 1; index < this.#completed.length; index++) {
      if (this.#completed[index]!.operation.calledAt > deadline) break;
      if (this.#placed[index]) name += `,${index}`;
    }
    return `${name}|${frame.fingerprint}`;
  }

  #order(): Operation<Input, Output>[] {
    return this.#path.map((placed) =>
      placed < 0 ? this.#unknown[~placed]! : this.#completed[placed]!.operation,
    );
  }
}

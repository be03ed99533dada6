import type { Random } from '@tutti/kernel';
import type { Replica } from '../../replica/replica.ts';
import type { ClientHistory } from '../checkers/client-history.ts';
import type { RegisterHistory } from '../checkers/register-history.ts';
import type { SimNode } from '../sim-node.ts';

/** One call of one client at one node, from its beginning to its end. */
export interface ClientCall {
  /** Who calls. */
  readonly client: string;
  readonly node: SimNode;
  readonly replica: Replica;
  readonly random: Random;
  readonly history: ClientHistory;
  readonly registers: RegisterHistory;
  /** The key that the call is about. */
  readonly key: string;
  /** A number that nobody else uses. */
  serial(): number;
  note(what: string, a?: string | number, b?: string | number): void;
  /** The answer is here. False if the call was over before, since its node crashed: the answer must not count. */
  end(failure: Error | undefined): boolean;
}

/** Something that clients do. */
export interface WorkloadAction {
  /** Unique; it stands in the options of a run. */
  readonly name: string;
  /** How often it is done compared with the others: one of these is drawn for a run. 0 leaves it out. */
  readonly weights: readonly number[];
  /**
   * Makes the call, and calls `end` when it is answered, then `done` with whether it succeeded. Whatever the answer
   * promises is told to the history.
   */
  act(call: ClientCall, done: (succeeded: boolean) => void): void;
}

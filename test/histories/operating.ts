import type { Consensus } from '@tutti/consensus';
import type { RegisterInput, RegisterOutput } from '@tutti/consensus/linearizability';
import { isTuttiError } from '@tutti/kernel';
import type { RegisterModule } from './register-module.ts';

export interface Request {
  readonly input: RegisterInput;
  readonly timeoutMs: number;
  /** The wrong way to read: what this node has is the answer, whoever leads. */
  readonly withoutBarrier?: boolean;
}

/** How a request ended, as far as the node can tell. */
export type Answer =
  | { readonly kind: 'returned'; readonly output: RegisterOutput }
  | { readonly kind: 'failed' | 'unknown'; readonly code: string };

/** What met one of these was sent to nobody. */
const NOTHING_HAPPENED = new Set([
  'TUTTI_NO_LEADER',
  'TUTTI_OVERLOADED',
  'TUTTI_PROPOSAL_TOO_LARGE',
  'TUTTI_STORE_FULL',
  'TUTTI_STORE_REPAIRING',
  'TUTTI_CLOSED',
]);

/** Does at one node what a client asks of it. */
export async function operate(
  consensus: Pick<Consensus, 'propose' | 'readBarrier'>,
  registers: RegisterModule,
  { input, timeoutMs, withoutBarrier = false }: Request,
): Promise<Answer> {
  try {
    if (input.op !== 'read') {
      const output = (await consensus.propose(registers.name, input, { timeoutMs })) as RegisterOutput;
      return { kind: 'returned', output };
    }
    if (!withoutBarrier) await consensus.readBarrier({ timeoutMs });
    return { kind: 'returned', output: registers.read(input.key) };
  } catch (thrown) {
    if (!isTuttiError(thrown)) throw thrown;
    // A read that is not answered has no effect, whatever kept it.
    const isCertain = input.op === 'read' || NOTHING_HAPPENED.has(thrown.code);
    return { kind: isCertain ? 'failed' : 'unknown', code: thrown.code };
  }
}

import type { RegisterInput, RegisterOutput } from '../../linearizability/index.ts';
import { isNeverApplied } from '../checkers/client-history.ts';
import type { ClientCall, WorkloadAction } from './action.ts';

/** How often a client swaps what it only guesses to be there. */
const GUESS_CHANCE = 0.2;

/** Has a command ordered. What happens to it is unknown unless it is answered, or refused for good. */
function propose(
  call: ClientCall,
  input: Extract<RegisterInput, { op: 'write' | 'cas' }>,
  done: (succeeded: boolean) => void,
): void {
  const open = call.registers.begin(call.client, input);
  call.replica.proposeWith('registers', input, undefined, (failure, output) => {
    if (!call.end(failure)) return;
    call.note(failure ? `${input.op} failed` : input.op, input.key, String(output));
    if (!failure) open.returned(output as RegisterOutput);
    else if (isNeverApplied(failure)) open.failed();
    done(!failure);
  });
}

/** Writes a value that nobody else writes. */
const write: WorkloadAction = {
  name: 'register write',
  weights: [0, 0.2, 0.6],
  act(call, done) {
    const input = { op: 'write', key: call.registers.key(call.key), value: call.serial() } as const;
    propose(call, input, done);
  },
};

/** Swaps what was last seen to be there for another value, or what was there at some time. */
const swap: WorkloadAction = {
  name: 'register swap',
  weights: [0, 0.2, 0.6],
  act(call, done) {
    const { random, registers } = call;
    const key = registers.key(call.key);
    const seen = registers.seen(key);
    const isGuess = seen.length > 0 && random.chance(GUESS_CHANCE);
    const from = isGuess ? random.pick(seen) : (seen.at(-1) ?? null);
    propose(call, { op: 'cas', key, from, to: call.serial() }, done);
  },
};

/** Reads a register at its node through a barrier (Raft thesis 6.4), whatever the node is. */
const read: WorkloadAction = {
  name: 'register read',
  weights: [0, 0.3, 1],
  act(call, done) {
    const { registers, node } = call;
    const key = registers.key(call.key);
    const open = registers.begin(call.client, { op: 'read', key });
    call.replica.readBarrierWith(undefined, (failure) => {
      if (!call.end(failure)) return;
      const value = node.registers!.read(key);
      call.note(failure ? 'register read failed' : 'register read', key, String(value));
      if (failure) open.failed();
      else open.returned(value);
      done(!failure);
    });
  },
};

export const REGISTER_ACTIONS: readonly WorkloadAction[] = [write, swap, read];

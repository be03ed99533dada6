import type { WorkInput } from '@tutti/actors';
import type { Contract } from '../backend/contract.ts';

/** The contract as it left the meeting: the backend's, which by then has everything that the pages expect. */
export function agreedContract(input: WorkInput): {
  readonly contract: Contract;
  readonly contractDigest: string;
} {
  const design = input.needs['product-api-design'];
  if (design === undefined) throw new Error(`${input.task} has to need product-api-design for its contract`);
  return design as { contract: Contract; contractDigest: string };
}

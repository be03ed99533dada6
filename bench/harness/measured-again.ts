import { readResults } from './result-file.ts';
import { type CaseResult, inOrder, type ResultDocument } from './results.ts';

type Within = Pick<ResultDocument, 'quick' | 'machine'>;

/**
 * The run in a file, some cases of which are to be measured again.
 * @throws Error when there is none, or when it was made with other sizes or on another machine: what is measured now
 * does not belong beside it
 */
export function runToMend(path: string, { quick, machine }: Within): ResultDocument {
  const document = readResults(path);
  const { processor, cores, node } = document.machine;
  const isSame = processor === machine.processor && cores === machine.cores && node === machine.node;
  if (document.quick === quick && isSame) return document;
  throw new Error(
    `${path} is of ${document.quick ? 'a quick' : 'a full'} run on ${processor}, ${cores} cores, Node ${node}, which this one is not: measure everything, or give another --json`,
  );
}

/** The run with the cases that are whole in the later one in their places, new ones too; each says when, and of which commit it is. */
export function mended(run: ResultDocument, later: ResultDocument): ResultDocument {
  const again = { at: later.startedAt, commit: later.machine.commit, loadBefore: later.machine.loadBefore };
  const anew = new Map(
    later.cases
      .filter(({ isBrokenOff }) => !isBrokenOff)
      .map((result): [string, CaseResult] => [result.id, { ...result, again }]),
  );
  const all = new Map([...run.cases.map((result): [string, CaseResult] => [result.id, result]), ...anew]);
  return { ...run, cases: inOrder([...all.values()]) };
}

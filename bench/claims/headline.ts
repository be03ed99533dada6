import { againText } from '../harness/measured-again.ts';
import type { CaseResult, ResultDocument } from '../harness/results.ts';
import { showClaim } from './show-claim.ts';

/** One line of the README's table: a figure of ours, and whose the same figure is put beside it. */
interface Headline {
  readonly what: string;
  readonly caseId: string;
  readonly figure: string;
  readonly unit: string;
  readonly beside: readonly string[];
}

/** What a reader asks first. Which of them are met, and which are not, the page says. */
const HEADLINES: readonly Headline[] = [
  headline('local sends to a reducer', 'R1', 'rate', 'messages/s', 'erlang', 'nact', 'bare-cell'),
  headline('local sends to an XState machine', 'R2', 'rate', 'messages/s', 'xstate'),
  headline('round trips between two actors', 'R3', 'rate', '/s', 'erlang', 'nact'),
  headline('spawn to stop, reducers', 'R5', 'reducer', 'actors/s', 'erlang', 'nact', 'xstate'),
  headline('memory of one of a million reducers', 'R6', 'reducer-bytes', 'bytes'),
  headline('sends to another process', 'R7', 'rate', 'messages/s', 'erlang', 'raw-ws'),
  headline('commits, 256 clients, three logs', 'C1', 'rate-256', '/s', 'etcd', 'ra', 'bare-pipeline'),
  headline('one commit, one client, p50', 'C2', 'p50', 'ms', 'ra', 'bare-pipeline'),
  headline('read barriers, 256 clients, before linearizable reads', 'C3', 'reads', '/s'),
  headline('kill -9 of the leader to the next commit, p99', 'C4', 'p99', 'ms'),
  headline('tasks in memory', 'S1', 'rate', '/s', 'p-queue', 'fastq'),
  headline('durable tasks, three nodes', 'S2', 'rate', '/s', 'bullmq'),
  headline('kill -9 of the busiest node: longest gap between completions, p50', 'S7', 'gap-p50', 'ms'),
];

function headline(
  what: string,
  caseId: string,
  figure: string,
  unit: string,
  ...beside: readonly string[]
): Headline {
  return { what, caseId, figure, unit, beside };
}

/** The table with a mark behind every number, so that the claims test holds it to the results it came from. */
export function headlineTable(document: ResultDocument, file: string, caseFiles: CaseFiles): string {
  const { processor, cores, node } = document.machine;
  const lines = HEADLINES.flatMap((line) => {
    const found = document.cases.find(({ id }) => id === line.caseId);
    return found ? lineOf(line, found, caseFiles) : [];
  });
  const again = document.cases.filter((result) => result.again).map(({ id }) => id);
  const later = again.length > 0 ? ` (${again.join(', ')} measured again later)` : '';
  return [
    `Measured on ${processor}, ${cores} cores, Node ${node.replace('v', '')}, every one of them beside the others in one run${later}: [results](bench/results/${file}), and as a page \`bench/report.html\`, which also says what is not met, and of each floor why. The nodes of a cluster are processes of that one machine, on its one disk. A ratio is Tutti’s figure over the other’s: of times and bytes, less is better.`,
    '',
    '| what | Tutti | beside | case |',
    '|---|---|---|---|',
    ...lines,
  ].join('\n');
}

/** Where the file of each case is, by id. */
export type CaseFiles = ReadonlyMap<string, string>;

function lineOf({ what, caseId, figure, unit, beside }: Headline, result: CaseResult, files: CaseFiles) {
  const row = result.rows.find((row) => row.figure === figure && row.kind === 'ours' && row.samples > 0);
  if (!row) return [];
  const mark = (source: string) => `<!-- claim: ${source} -->`;
  const ratios = beside.flatMap((subject) => {
    const found = row.ratios.find((ratio) => ratio.subject === subject);
    const source = `${caseId}.${figure}/${subject}`;
    return found ? [`${showClaim(found.ratio)}x ${found.title} ${mark(source)}`] : [];
  });
  const own = `${showClaim(row.value)} ${unit} ${mark(`${caseId}.${figure}`)}`;
  const again = againText(result);
  const source = `[${caseId}](bench/cases/${files.get(caseId)})${again === undefined ? '' : `, ${again}`}`;
  return [`| ${what} | ${own} | ${ratios.join(', ')} | ${source} |`];
}

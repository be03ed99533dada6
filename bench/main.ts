// The command behind `npm run bench`. Progress goes to stderr; the table is the last thing on stdout.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fillClaims } from './claims/fill-claims.ts';
import type { BenchCase } from './harness/case.ts';
import { type Comparison, changeTable, compareCase, isWorse } from './harness/compare.ts';
import { describeMachine, isBusy, type Machine } from './harness/machine.ts';
import { mended, runToMend } from './harness/measured-again.ts';
import { type BenchOptions, benchOptions, USAGE } from './harness/options.ts';
import { caseFiles } from './harness/registry.ts';
import { missing } from './harness/requirements.ts';
import { checkWritable, readResults, resultText, resumable, writeWhole } from './harness/result-file.ts';
import type { ResultDocument } from './harness/results.ts';
import { failuresIn, runCases, wholeCases } from './harness/run.ts';
import { sweepSampleFolders } from './harness/sample-folder.ts';
import { endSamples, measureInProcess } from './harness/sample-process.ts';
import { limitMsOf } from './harness/schedule.ts';
import { caseList, judgedAnew, selectCases } from './harness/selection.ts';
import { resultTable, summaryText } from './harness/table.ts';
import { addWorktree } from './harness/worktree.ts';
import { benchReport } from './report/bench-report.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUT = join(ROOT, 'bench/out');
const INTERRUPTED = 130;

const say = (line: string) => void process.stderr.write(`${line}\n`);
const interruption = new AbortController();

async function main(args: readonly string[]): Promise<number> {
  const options = benchOptions(args);
  if (options.help) return print(USAGE);
  if (options.from !== undefined) return await fromResults(options.from, options);
  const cases = await selectCases(options);
  if (options.list) return print(`${caseList(cases)}\n`);
  return options.compare === undefined
    ? await run(cases, options)
    : await compare(cases, options, options.compare);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

async function run(cases: readonly BenchCase[], options: BenchOptions): Promise<number> {
  const json = resolve(options.json ?? join(OUT, 'results.json'));
  checkPlaces(options, json);
  const machine = describeMachine(ROOT);
  const { quick, peers, profile, soakMinutes = null } = options;
  const settings = { peers, profile, soakMinutes };
  const conditions = { quick, machine, settings };
  const whole = options.again ? runToMend(json, conditions, cases, { peers }) : undefined;
  const inPlace = (document: ResultDocument) => (whole ? mended(whole, document) : document);
  const earlier = options.resume ? resumable(json, conditions) : undefined;
  announce(machine, options);
  if (earlier)
    say(
      `Going on after ${wholeCases(earlier)
        .map(({ id }) => id)
        .join(' ')}.`,
    );
  const document = await runCases(cases, {
    root: ROOT,
    ...conditions,
    earlier,
    say,
    keep: (document) => writeWhole(json, resultText(inPlace(document))),
    signal: interruption.signal,
  });
  say(`Results: ${json}`);
  publish(inPlace(document), json, options);
  print(`${textOf(document)}\n`);
  if (document.isBrokenOff) {
    say(`Interrupted: the results hold what was measured${whole ? '' : '; --resume goes on with them'}.`);
    return INTERRUPTED;
  }
  return failuresIn(document.cases).length > 0 ? 1 : 0;
}

async function fromResults(file: string, options: BenchOptions): Promise<number> {
  const json = resolve(file);
  const read = readResults(json);
  checkPlaces(options);
  if (read.quick && options.claims.length > 0)
    throw new Error('quick sizes are no source for claims: write them from the results of a full run');
  // Judged anew from the samples, so that a verdict is never older than the rule it is given by.
  const document = { ...read, cases: await judgedAnew(read.cases) };
  publish(document, json, options);
  return print(`${textOf(document)}\n`);
}

const textOf = ({ cases, quick }: ResultDocument) =>
  `${resultTable(cases, quick)}\n\n${summaryText(cases, quick)}`;

const reportPath = (options: Pick<BenchOptions, 'report'>) =>
  resolve(options.report ?? join(OUT, 'report.html'));

/** Finds out before anything long whether what is to be written can be, and the texts are there. */
function checkPlaces({ claims, ...options }: BenchOptions, ...files: readonly string[]): void {
  const missing = claims.find((file) => !existsSync(file));
  if (missing !== undefined) throw new Error(`--claims ${missing}: there is no such text`);
  for (const path of [...files, reportPath(options), ...claims.map((file) => resolve(file))])
    checkWritable(path);
}

/** The page, and the numbers in the texts. */
function publish(document: ResultDocument, json: string, options: BenchOptions): void {
  const report = reportPath(options);
  writeWhole(report, benchReport(document, relative(dirname(report), json)));
  say(`Page: ${report}`);
  for (const file of options.claims) {
    const path = resolve(file);
    const source = { name: basename(json), document };
    const { text, filled, missing } = fillClaims(readFileSync(path, 'utf8'), source, caseFiles());
    writeWhole(path, text);
    say(
      `${file}: ${filled} claims written${missing.length > 0 ? `; no figure for ${missing.join(', ')}` : ''}`,
    );
  }
}

async function compare(
  cases: readonly BenchCase[],
  options: BenchOptions,
  revision: string,
): Promise<number> {
  if (options.json !== undefined) checkWritable(resolve(options.json));
  const machine = describeMachine(ROOT);
  announce(machine, options);
  const tree = addWorktree(ROOT, revision);
  process.once('exit', () => tree.remove());
  const roots = { before: tree.root, after: ROOT };
  const comparisons: Comparison[] = [];
  for (const bench of cases) {
    say(`${bench.id} ${bench.title}: ${revision} and this tree in turns`);
    const limitMs = limitMsOf(bench, options.quick);
    const compared = await compareCase(bench, {
      quick: options.quick,
      missing,
      measure: (side, caseId, subjectId, sizes) =>
        measureInProcess(roots[side], { caseId, subjectId, sizes }, limitMs),
    });
    if (compared.length > 0) say(changeTable(compared));
    comparisons.push(...compared);
    if (options.json !== undefined)
      writeWhole(resolve(options.json), `${JSON.stringify({ revision, machine, comparisons })}\n`);
  }
  print(`${changeTable(comparisons)}\n`);
  return isWorse(comparisons) ? 1 : 0;
}

/** Says where the run is made, and clears that of what one that was killed has left. */
function announce(machine: Machine, options: BenchOptions): void {
  sweepSampleFolders();
  const { processor, cores, system, node, commit, loadBefore } = machine;
  say(`${processor}, ${cores} cores, ${system}, Node ${node}, commit ${commit.slice(0, 12)}`);
  if (isBusy(machine))
    say(
      `The machine is busy (load ${loadBefore[0]!.toFixed(1)}): ratios may hold, absolute figures will not.`,
    );
  if (options.quick) say('Quick sizes: good for a first look and for regressions, not for quoting.');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    // A comparison keeps nothing half done, and whoever asks twice does not want to wait.
    if (interruption.signal.aborted || process.argv.some((word) => word.startsWith('--compare'))) {
      endSamples();
      process.exit(INTERRUPTED);
    }
    interruption.abort();
  });
main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (thrown: unknown) => {
    say(thrown instanceof Error ? thrown.message : String(thrown));
    process.exitCode = 1;
  },
);

// The command behind `npm run bench`. Progress goes to stderr; the table is the last thing on stdout.
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchCase } from './harness/case.ts';
import { type Change, changeTable, compareCase } from './harness/compare.ts';
import { describeMachine, type Machine } from './harness/machine.ts';
import { type BenchOptions, benchOptions, USAGE } from './harness/options.ts';
import { Progress } from './harness/progress.ts';
import { loadCases } from './harness/registry.ts';
import type { CaseResult, ResultDocument } from './harness/results.ts';
import { endSamples, measureInProcess } from './harness/sample-process.ts';
import { runCase, runsOf, subjectsOf } from './harness/schedule.ts';
import { resultTable } from './harness/table.ts';
import { addWorktree } from './harness/worktree.ts';
import { benchReport } from './report/bench-report.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SAMPLE_TIMEOUT_QUICK_MS = 120_000;
const SAMPLE_TIMEOUT_FULL_MS = 3_600_000;
const INTERRUPTED = 130;

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
  const options = benchOptions(args);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const cases = await loadCases(options.cases);
  return options.compare === undefined
    ? await run(cases, options)
    : await compare(cases, options, options.compare);
}

async function run(cases: readonly BenchCase[], options: BenchOptions): Promise<number> {
  const startedAt = new Date().toISOString();
  const machine = describeMachine(ROOT);
  announce(machine, options);
  const planned = cases.flatMap((bench) =>
    subjectsOf(bench, options)
      .filter(({ skipped }) => skipped === undefined)
      .map(({ subject }) => [`${bench.id} ${subject.id}`, runsOf(bench, options.quick)] as const),
  );
  const progress = new Progress(new Map(planned), say);
  const timeoutMs = timeoutOf(options);
  const results: CaseResult[] = [];
  const documentNow = (): ResultDocument => ({
    format: 1,
    startedAt,
    endedAt: new Date().toISOString(),
    quick: options.quick,
    machine,
    loadAfter: loadavg(),
    cases: results,
  });
  for (const bench of cases) {
    const result = await runCase(bench, {
      ...options,
      measure: (caseId, subjectId, sizes) => measureInProcess(ROOT, { caseId, subjectId, sizes }, timeoutMs),
      onSample: (sample) => progress.sample(sample),
    });
    results.push(result);
    // After each case, so that a long run that is broken off leaves what it has.
    if (options.json !== undefined) write(options.json, `${JSON.stringify(documentNow())}\n`);
  }
  if (options.report !== undefined) write(options.report, benchReport(documentNow()));
  process.stdout.write(`${resultTable(results)}\n`);
  return results.some(({ subjects }) =>
    subjects.some((one) => one.kind === 'ours' && one.failures.length > 0),
  )
    ? 1
    : 0;
}

async function compare(
  cases: readonly BenchCase[],
  options: BenchOptions,
  revision: string,
): Promise<number> {
  const machine = describeMachine(ROOT);
  announce(machine, options);
  const tree = addWorktree(ROOT, revision);
  process.once('exit', () => tree.remove());
  const roots = { before: tree.root, after: ROOT };
  const changes: Change[] = [];
  for (const bench of cases) {
    say(`${bench.id} ${bench.title}: ${revision} and this tree in turns`);
    const measured = await compareCase(bench, options.quick, (side, caseId, subjectId, sizes) =>
      measureInProcess(roots[side], { caseId, subjectId, sizes }, timeoutOf(options)),
    );
    changes.push(...measured);
  }
  if (options.json !== undefined) write(options.json, `${JSON.stringify({ revision, machine, changes })}\n`);
  process.stdout.write(`${changeTable(changes)}\n`);
  return 0;
}

function announce(machine: Machine, options: BenchOptions): void {
  const { processor, cores, system, node, commit, loadBefore } = machine;
  say(`${processor}, ${cores} cores, ${system}, Node ${node}, commit ${commit.slice(0, 12)}`);
  const [lastMinute] = loadBefore;
  if (lastMinute !== undefined && lastMinute > cores / 2)
    say(`The machine is busy (load ${lastMinute.toFixed(1)}): ratios may hold, absolute figures will not.`);
  if (options.quick) say('Quick sizes: good for a first look and for regressions, not for quoting.');
}

function timeoutOf({ quick }: BenchOptions): number {
  return quick ? SAMPLE_TIMEOUT_QUICK_MS : SAMPLE_TIMEOUT_FULL_MS;
}

function write(file: string, text: string): void {
  const path = resolve(file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  say(`Wrote ${path}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    endSamples();
    process.exit(INTERRUPTED);
  });
main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (thrown: unknown) => {
    say(thrown instanceof Error ? thrown.message : String(thrown));
    process.exitCode = 1;
  },
);

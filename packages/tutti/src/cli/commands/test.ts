import { relative } from 'node:path';
import type { Command } from 'commander';
import { describeFault, readSchedule } from '../../testing/fault.ts';
import { loadClusterTest } from '../../testing/load-cluster-test.ts';
import type { ClusterTestReport } from '../../testing/run-cluster-test.ts';
import { type Search, searchClusterTest } from '../../testing/search-cluster-test.ts';
import { namesOf } from '../../testing/test-cluster-options.ts';
import { EXIT } from '../exit.ts';
import { wholeNumber } from '../option-values.ts';
import { Terminal } from '../terminal.ts';

interface TestFlags {
  readonly seeds?: string;
  readonly seed?: string;
  readonly nodes?: string;
  readonly ms?: string;
  readonly schedule?: string;
  readonly shrink: boolean;
  readonly json?: true;
}

const SEEDS_DEFAULT = 20;
const SEEDS_MAX = 1_000_000;
const NODES_MAX = 7;
/** Seeds between two lines of progress. */
const PROGRESS_EVERY = 10;
/** Lines of the trace that are printed; messages are left out of them, and are in the JSON document. */
const LINES_SHOWN = 25;

/** `tutti test FILE`: plays a test of actors under trouble, seed after seed, until one fails. */
export function addTestCommand(program: Command): void {
  program
    .command('test')
    .description('play a test of actors on a simulated cluster, once per seed, under crashes and partitions')
    .argument('<file>', 'a module whose default export is a `defineClusterTest`')
    .option('--seeds <n>', `how many seeds to play (default ${SEEDS_DEFAULT}; 1 with --seed)`)
    .option('--seed <n>', 'the first seed (default 1)')
    .option('--nodes <n>', 'how many nodes, 1 to 7, instead of what the test says')
    .option(
      '--ms <n>',
      'how long faults come, in milliseconds of virtual time, instead of what the test says',
    )
    .option('--schedule <json>', 'the faults, instead of those that the seed draws')
    .option('--no-shrink', 'do not look for a smaller run of a seed that fails')
    .option('--json', 'print one JSON document, and progress nowhere')
    .addHelpText('after', '\nExample: tutti test examples/transfers/forgetful.cluster.ts --seeds 50')
    .action(async (file: string, flags: TestFlags) => {
      const numbers = numbersIn(flags);
      const source = await loadClusterTest(file);
      const made = typeof source === 'function' ? source() : source;
      const nodes = numbers.nodes ?? made.nodes ?? 3;
      const schedule =
        flags.schedule === undefined ? undefined : readSchedule(flags.schedule, namesOf(nodes));
      const terminal = new Terminal(process.stderr);
      const search = await searchClusterTest(source, {
        file,
        firstSeed: numbers.seed ?? 1,
        seeds: numbers.seeds ?? (numbers.seed === undefined ? SEEDS_DEFAULT : 1),
        run: { nodes: numbers.nodes, durationMs: numbers.ms, schedule },
        shrinks: flags.shrink && schedule === undefined,
        progress: ({ seed }, done) => {
          if (!flags.json && done % PROGRESS_EVERY === 0)
            terminal.line(`${done} seeds, the last was ${seed}`);
        },
      });
      const text = flags.json
        ? JSON.stringify(documentOf(file, search), undefined, 2)
        : inWords(file, search);
      process.stdout.write(`${text}\n`);
      process.exitCode ||= search.failing ? EXIT.failed : EXIT.done;
    });
}

function numbersIn({ seeds, seed, nodes, ms }: TestFlags) {
  const given = (option: string, text: string | undefined, least: number, most: number) =>
    text === undefined ? undefined : wholeNumber(option, text, least, most);
  return {
    seeds: given('--seeds', seeds, 1, SEEDS_MAX),
    seed: given('--seed', seed, 0, Number.MAX_SAFE_INTEGER - SEEDS_MAX),
    nodes: given('--nodes', nodes, 1, NODES_MAX),
    ms: given('--ms', ms, 1, 86_400_000),
  };
}

/** The command that plays a run again. */
function replayLine(file: string, { seed, nodes, durationMs, schedule }: ClusterTestReport): string {
  const path = relative(process.cwd(), file) || file;
  return `tutti test ${path} --seed ${seed} --nodes ${nodes} --ms ${durationMs} --schedule '${JSON.stringify(schedule)}'`;
}

function documentOf(file: string, { failing, smallest, ...total }: Search): object {
  if (!failing || !smallest) return { file, ...total, failing: null };
  const { seed, failure } = failing;
  const { report, runs } = smallest;
  const { nodes, durationMs, schedule, lines } = report;
  const shrunk = { nodes, durationMs, schedule, failure: report.failure, runs, trace: lines };
  return { file, ...total, failing: { seed, failure, shrunk, replay: replayLine(file, report) } };
}

function inWords(file: string, { failing, smallest, ...total }: Search): string {
  const seconds = Math.round(total.virtualMs / 1_000);
  const played = `${total.seeds} ${total.seeds === 1 ? 'seed' : 'seeds'}, ${seconds} s of virtual time, ${total.events} events`;
  if (!failing || !smallest) return `no failure in ${played}`;
  const { report, runs } = smallest;
  const { failure, nodes, schedule, durationMs } = report;
  const faults = `${schedule.length} ${schedule.length === 1 ? 'fault' : 'faults'}`;
  const found = runs > 0 ? `shrunk in ${runs} runs to` : 'with';
  return [
    ...report.lines.filter((line) => !/^ *[\d.]+ deliver /.test(line)).slice(-LINES_SHOWN),
    '',
    `seed ${failing.seed} fails after ${failure!.atMs} ms (${played}): ${failure!.problem}`,
    `${found} ${faults} within ${durationMs} ms on ${nodes} ${nodes === 1 ? 'node' : 'nodes'}:`,
    ...schedule.map(describeFault),
    `replay: ${replayLine(file, report)}`,
  ].join('\n');
}

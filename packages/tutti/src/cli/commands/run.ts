import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@tutti/kernel';
import type { Command } from 'commander';
import { LocalCluster } from '../../cluster/local-cluster.ts';
import type { Settings } from '../../config/settings.ts';
import { makeWritableFolder } from '../../node/writable-folder.ts';
import { loadPlan } from '../../plan/load-plan.ts';
import { checkKills, type PlannedKill, parseKill } from '../../run/kill-schedule.ts';
import type { RunDocument } from '../../run/run-document.ts';
import { runPlan } from '../../run/run-plan.ts';
import { RunProgress } from '../../run/run-progress.ts';
import { makeSessionFolder, newSessionId } from '../../run/session-folder.ts';
import { runVirtually } from '../../run/virtual-run.ts';
import { clusterOptions, settingsFor } from '../cluster-access.ts';
import { EXIT } from '../exit.ts';
import { onInterrupt } from '../interrupt.ts';
import { optionInvalid, wholeNumber } from '../option-values.ts';
import { Terminal } from '../terminal.ts';

interface RunFlags {
  readonly nodes?: string;
  readonly mode?: string;
  readonly kill?: readonly string[];
  readonly seed?: string;
  readonly out?: string;
  readonly time: string;
  readonly json?: true;
}

/** `tutti run PLAN`: a cluster for one plan, from its start to its end. */
export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('start a cluster, run a plan on it, report, and leave nothing behind')
    .argument('<plan>', 'a plan in YAML, JSON or TypeScript, or a WfFormat trace')
    .option('--nodes <n>', 'how many nodes, 1 to 7 (default 3)')
    .option('--mode <mode>', 'eager or wave (default eager)')
    .option('--kill <when...>', 'kill -9: leader@50%, follower@1.5s, n2@300ms, random')
    .option('--seed <n>', 'what random kills and virtual time are drawn from')
    .option('--time <time>', 'real, or virtual: one process, no clock, for plans of simulated tasks', 'real')
    .option('--out <folder>', 'where the session folder is made (default tutti-out)')
    .option('--json', 'print one JSON document, and progress nowhere')
    .addHelpText('after', '\nExample: tutti run examples/storefront/plan.yaml --nodes 3 --kill leader@50%')
    .action(async (plan: string, flags: RunFlags) => {
      const { values } = settingsFor(
        { 'cluster.nodes': flags.nodes, 'run.mode': flags.mode, 'run.folder': flags.out },
        program.opts()['config'],
      );
      const run = await start(plan, flags, values);
      if (flags.json) process.stdout.write(`${JSON.stringify(run, undefined, 2)}\n`);
      process.exitCode ||= run.state === 'done' ? EXIT.done : EXIT.failed;
    });
}

async function start(file: string, flags: RunFlags, settings: Settings): Promise<RunDocument> {
  const seed =
    flags.seed === undefined
      ? Date.now() % 2 ** 31
      : wholeNumber('--seed', flags.seed, 0, Number.MAX_SAFE_INTEGER);
  if (flags.time !== 'real' && flags.time !== 'virtual')
    throw optionInvalid('--time', flags.time, 'real or virtual');
  const random = seededRandom(seed);
  const kills = (flags.kill ?? []).map((text) => parseKill(text, random));
  checkKills(kills, settings['cluster.nodes']);
  const loaded = await loadPlan(file, { functions: [] });
  // With --json standard output holds the document and nothing else.
  const listener = new RunProgress(new Terminal(flags.json ? process.stderr : process.stdout));
  const session = newSessionId();
  const common = {
    loaded,
    kills,
    session,
    mode: settings['run.mode'],
    folder: makeSessionFolder(settings['run.folder'], session),
    listener,
  };
  const run =
    flags.time === 'virtual'
      ? await runVirtually({ ...common, seed, nodes: settings['cluster.nodes'] })
      : await runOnProcesses(settings, common);
  listener.ended(run);
  return run;
}

type Common = Omit<Parameters<typeof runPlan>[0], 'cluster' | 'signal'> & {
  readonly kills: readonly PlannedKill[];
};

async function runOnProcesses(settings: Settings, common: Common): Promise<RunDocument> {
  const directory = mkdtempSync(join(makeWritableFolder(tmpdir()), 'tutti-'));
  // Also when a second Ctrl-C ends the process at once.
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  const { signal, release } = onInterrupt();
  let cluster: LocalCluster | undefined;
  try {
    cluster = await LocalCluster.start(clusterOptions(settings, directory));
    return await runPlan({ ...common, cluster, signal });
  } finally {
    if (signal.aborted) process.exitCode = EXIT.interrupted;
    await cluster?.stop();
    remove();
    process.off('exit', remove);
    release();
  }
}

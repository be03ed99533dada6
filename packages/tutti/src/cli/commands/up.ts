import { messageOf } from '@tutti/kernel';
import type { Command } from 'commander';
import { keepAlive } from '../../cluster/keep-alive.ts';
import { LocalCluster, type LocalClusterOptions } from '../../cluster/local-cluster.ts';
import { clusterOptions, settingsFor } from '../cluster-access.ts';
import { onInterrupt } from '../interrupt.ts';
import { table } from '../table.ts';
import { Terminal } from '../terminal.ts';

interface UpFlags {
  readonly nodes?: string;
  readonly dir?: string;
  readonly restart: boolean;
  readonly json?: true;
}

/** After how long a start that is not done explains itself. */
const LATE_MS = 5000;

/** A line of `--json`. */
interface UpEvent {
  readonly event: 'up' | 'died' | 'restarted' | 'added' | 'removed';
  readonly node?: string;
  readonly directory?: string;
  readonly leader?: string | undefined;
  readonly nodes?: readonly object[];
}

/** `tutti up`: a cluster that stays until Ctrl-C, and goes on where it was the next time. */
export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('start a cluster on this machine and keep it until Ctrl-C')
    .option('--nodes <n>', 'how many nodes, 1 to 7 (default 3)')
    .option('--dir <directory>', 'where they keep their state (default .tutti)')
    .option('--no-restart', 'leave a node that died dead')
    .option('--json', 'print a JSON document a line: one when the cluster is up, one per change')
    .action(async (flags: UpFlags) => {
      const { values } = settingsFor(
        { 'cluster.nodes': flags.nodes, 'cluster.directory': flags.dir },
        program.opts()['config'],
      );
      const { signal, release } = onInterrupt();
      const cluster = await startFor(clusterOptions(values, values['cluster.directory']), signal);
      if (!cluster) return release();
      try {
        await tellUp(cluster, flags);
        followNodes(cluster, flags, signal);
        await aborted(signal);
      } finally {
        await cluster.stop();
        release();
      }
    });
}

/** Resolves with nothing when it is interrupted. */
async function startFor(
  options: LocalClusterOptions,
  signal: AbortSignal,
): Promise<LocalCluster | undefined> {
  const tell = (nodes: readonly string[]) => void process.stderr.write(`${lateNotice(nodes)}\n`);
  try {
    return await LocalCluster.start(options, { signal, late: { afterMs: LATE_MS, tell } });
  } catch (thrown) {
    if (signal.aborted) return undefined;
    throw thrown;
  }
}

function lateNotice(nodes: readonly string[]): string {
  return (
    `still waiting for ${nodes.join(', ')}; the other nodes can be asked meanwhile, and Ctrl-C ends all of them. ` +
    'A node whose log is damaged or gone waits until its peers have given it back: docs/operations.md says what they need'
  );
}

async function tellUp(cluster: LocalCluster, flags: UpFlags): Promise<void> {
  const leader = await cluster.client().leader();
  const nodes = cluster.nodes().map((node) => ({ id: node.id, pid: node.pid, adminUrl: node.adminUrl }));
  if (flags.json) return tell(flags, { event: 'up', directory: cluster.directory, leader, nodes });
  const rows = nodes.map((node) => [
    node.id,
    String(node.pid),
    node.adminUrl ?? '',
    node.id === leader ? 'leader' : '',
  ]);
  const terminal = new Terminal(process.stdout);
  const at = flags.dir === undefined ? '' : ` --dir ${flags.dir}`;
  terminal.line(table(['node', 'pid', 'admin', ''], rows));
  terminal.line(
    `\nstate in ${cluster.directory}; Ctrl-C ends the cluster, \`tutti ps${at}\` looks inside, \`kill -9 PID\` is welcome`,
  );
}

function tell(flags: UpFlags, document: UpEvent): void {
  process.stdout.write(
    flags.json ? `${JSON.stringify(document)}\n` : `${document.node ?? 'cluster'} ${document.event}\n`,
  );
}

function followNodes(cluster: LocalCluster, flags: UpFlags, signal: AbortSignal): void {
  cluster.onChange((event, node) => tell(flags, { event, node: node.id }));
  keepAlive(cluster, {
    signal,
    staysDead: () => !flags.restart,
    listener: {
      died: (node) => tell(flags, { event: 'died', node }),
      restarted: (node) => tell(flags, { event: 'restarted', node }),
      postponed: (node, thrown) =>
        process.stderr.write(`${node} is started again when there is space: ${messageOf(thrown)}\n`),
      gaveUp: (node, thrown) =>
        process.stderr.write(`${node} could not be started again: ${messageOf(thrown)}\n`),
    },
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

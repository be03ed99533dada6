import { showDuration } from '@tutti/kernel';
import type { Command } from 'commander';
import type { NodeStatus } from '../../admin/admin-api.ts';
import type { SessionView } from '../../admin/session-view.ts';
import { findCluster, settingsFor } from '../cluster-access.ts';
import { print } from '../print.ts';
import { table } from '../table.ts';

interface PsFlags {
  readonly dir?: string;
  readonly json?: true;
}

/** `tutti ps [SESSION]`: the nodes and the sessions, or the tasks of one session. */
export function addPsCommand(program: Command): void {
  program
    .command('ps')
    .description('show nodes and sessions, or the tasks of one session')
    .argument('[session]', 'a session id')
    .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
    .option('--json', 'print one JSON document')
    .action(async (session: string | undefined, flags: PsFlags) => {
      const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
      const client = findCluster(values['cluster.directory']);
      if (session !== undefined) return print(flags, await client.session(session), tasksTable);
      const [nodes, sessions] = await Promise.all([client.everyStatus(), client.sessions()]);
      print(flags, { nodes, sessions }, overview);
    });
}

function overview({
  nodes,
  sessions,
}: {
  nodes: readonly NodeStatus[];
  sessions: readonly SessionView[];
}): string {
  const nodeRows = nodes.map((node) => [
    node.node,
    node.consensus.role,
    String(node.pid),
    showDuration(node.upMs),
    String(node.consensus.term),
    String(node.consensus.commitIndex),
    String(node.consensus.appliedIndex),
    String(node.actors),
  ]);
  const sessionRows = sessions.map((session) => {
    const { session: id, plan, tasks, forgotten, mode } = session;
    const done = tasks.filter((task) => task.state === 'done').length + forgotten;
    return [id, plan, stateOf(session), `${done}/${tasks.length + forgotten}`, mode];
  });
  return [
    table(['node', 'role', 'pid', 'up', 'term', 'commit', 'applied', 'actors'], nodeRows),
    '',
    sessionRows.length === 0
      ? 'no sessions'
      : table(['session', 'plan', 'state', 'done', 'mode'], sessionRows),
  ].join('\n');
}

/** One that stays open is running also when it has nothing to do. */
function stateOf({ state, intake }: SessionView): string {
  return state === 'running' && intake === 'open' ? 'running, open' : state;
}

function tasksTable(session: SessionView): string {
  const rows = session.tasks.map((task) => [
    task.id,
    task.orchestrator,
    task.node ?? '',
    task.state,
    String(task.attempts),
    String(task.fence ?? ''),
    task.startedAt === undefined || task.endedAt === undefined
      ? ''
      : showDuration(task.endedAt - task.startedAt),
  ]);
  const barriers = session.barriers.map((barrier) => [
    barrier.id,
    barrier.state,
    `${Object.keys(barrier.arrivals).length}/${barrier.participants.length}`,
  ]);
  return [
    `${session.session}  ${session.plan}  ${stateOf(session)}`,
    '',
    table(['task', 'orchestrator', 'node', 'state', 'attempts', 'fence', 'took'], rows),
    ...(barriers.length > 0 ? ['', table(['barrier', 'state', 'arrived'], barriers)] : []),
  ].join('\n');
}

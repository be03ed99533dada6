import { type Conflict, checkPlan, type Plan } from '@tutti/actors';
import { showDuration } from '@tutti/kernel';
import type { EventBatch, SessionEvent } from '../admin/admin-api.ts';
import { table } from '../cli/table.ts';
import type { Terminal } from '../cli/terminal.ts';
import type { RunDocument, RunKill } from './run-document.ts';
import type { NodeTurn, RunListener, RunStart } from './run-listener.ts';

const BAR_WIDTH = 28;
/** From this many tasks on, single completions are not worth a line each. */
const QUIET_TASKS = 200;
const NODE_TURNS: Readonly<Record<NodeTurn, string>> = {
  died: 'ended by itself',
  restarted: 'is back',
  waits: 'is started again when there is space',
  'gave up': 'cannot be started again',
};

/** Tells a run as it goes: a line per step, and on a terminal a bar of what is done and what runs. */
export class RunProgress implements RunListener {
  readonly #terminal: Terminal;
  readonly #titles = new Map<string, string>();
  readonly #running = new Map<string, { node: string; since: number }>();
  readonly #done = new Set<string>();
  #doneCount = 0;
  readonly #barriers = new Map<string, string>();
  #levels: readonly (readonly string[])[] = [];
  #levelsDone = 0;
  #openedAt: number | undefined;
  /** Log time of the last step that was heard of: on virtual time the wall has nothing to say. */
  #latestAt = 0;
  #killedAt: number | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  started({ session, plan, mode, nodes, leader, directory }: RunStart): void {
    for (const task of plan.tasks) this.#titles.set(task.id, task.title);
    this.#levels = wavesOf(plan);
    const { paint } = this.#painter();
    const where = nodes
      .map((node) => `${node.id}${node.pid === undefined ? '' : ` (pid ${node.pid})`}`)
      .join('  ');
    this.#terminal.line(`${paint('bold', 'nodes   ')}  ${where}`);
    this.#terminal.line(`${paint('bold', 'leader  ')}  ${leader ?? 'none yet'}`);
    this.#terminal.line(
      `${paint('bold', 'plan    ')}  ${plan.name}: ${counted(plan.tasks.length, 'task')} in ${counted(this.#levels.length, 'wave')}, ` +
        `${counted(plan.orchestrators.length, 'orchestrator')}, ${counted(plan.barriers.length, 'barrier')}, ${mode}`,
    );
    this.#terminal.line(`${paint('bold', 'session ')}  ${session}`);
    if (directory !== undefined)
      this.#terminal.line(
        `${paint('bold', 'look in ')}  tutti ps ${session} --dir ${directory}   (tree, explain likewise)`,
      );
    this.#levels.forEach((level, index) => {
      const names = level.map((id) => this.#titles.get(id) ?? id);
      const shown = names.length > 8 ? [...names.slice(0, 8), `and ${names.length - 8} more`] : names;
      this.#terminal.line(`${paint('dim', `wave ${String(index).padEnd(3)}`)}  ${shown.join(', ')}`);
    });
    this.#terminal.line();
  }

  batch({ events, done, barriers }: EventBatch): void {
    for (const event of events) this.#step(event);
    this.#doneCount = done;
    for (const barrier of barriers) this.#barrier(barrier);
    this.#footer();
  }

  killed(kill: RunKill): void {
    this.#killedAt = kill.at;
    const orphans = [...this.#running.values()].filter(({ node }) => node === kill.node).length;
    this.#say(
      kill.at,
      'red',
      'KILL',
      `kill -9 ${kill.node}, the ${kill.role}, with ${counted(orphans, 'task')} running on it`,
    );
  }

  leader(node: string): void {
    this.#say(Date.now(), 'magenta', 'leader', `${node} leads`);
  }

  node(node: string, what: NodeTurn): void {
    this.#say(Date.now(), 'red', 'node', `${node} ${NODE_TURNS[what]}`);
  }

  ended(run: RunDocument): void {
    this.#terminal.footer([]);
    const done = run.tasks.filter((task) => task.state === 'done').length;
    const again = run.tasks.filter((task) => task.attempts > 1);
    const line = (name: string, text: string) =>
      this.#terminal.line(`${this.#painter().paint('bold', name.padEnd(18))}${text}`);
    this.#terminal.line();
    if (run.tasks.length <= QUIET_TASKS) this.#terminal.line(`${tasksTable(run)}\n`);
    line(
      'result',
      `${run.state}: ${done} of ${run.tasks.length} tasks done in ${showDuration(run.makespanMs)}`,
    );
    for (const kill of run.kills)
      line(
        'kill',
        `${kill.node} (${kill.role}): next completion after ${gap(kill)}, leader now ${kill.newLeader ?? 'none'}`,
      );
    const more = again.map((task) => `${task.title} (${task.attempts})`).join(', ');
    line('attempts', again.length === 0 ? 'one for each task' : `one for each task, more for ${more}`);
    line(
      'lost',
      `${run.lost}    committed twice  ${run.committedTwice}    late results refused  ${run.staleResults}`,
    );
    for (const { conflicts } of run.barriers) for (const conflict of conflicts) this.#conflict(conflict);
    if (run.problem) line('problem', `${run.problem.code}: ${run.problem.message}`);
    line('files', run.folder);
    if (run.report !== undefined) line('report', run.report);
  }

  #conflict({ subject, sides }: Conflict): void {
    this.#terminal.line(`${this.#painter().paint('bold', 'conflict'.padEnd(18))}${subject}`);
    for (const { orchestrator, task, value } of sides)
      this.#terminal.line(`${' '.repeat(18)}${orchestrator} (${task}): ${JSON.stringify(value)}`);
  }

  #step(event: SessionEvent): void {
    this.#openedAt ??= event.timeMs;
    this.#latestAt = event.timeMs;
    const title = this.#titles.get(event.task) ?? event.task;
    if (event.to === 'running')
      this.#running.set(event.task, { node: event.node ?? '?', since: event.timeMs });
    else this.#running.delete(event.task);
    if (event.to === 'done') this.#finished(event, title);
    else if (event.to === 'backoff' || event.to === 'failed')
      this.#say(
        event.timeMs,
        'yellow',
        event.to === 'failed' ? 'failed' : 'retry',
        `${title}  attempt ${event.attempt} on ${event.node ?? '?'}`,
      );
    else if (event.to === 'ready' && (event.from === 'running' || event.from === 'assigned'))
      this.#say(event.timeMs, 'yellow', 'again', `${title}  its node ${event.node ?? '?'} is gone`);
    else if (event.to === 'degraded') this.#say(event.timeMs, 'yellow', 'gave up', title);
  }

  #finished(event: SessionEvent, title: string): void {
    this.#done.add(event.task);
    if (this.#titles.size <= QUIET_TASKS) {
      const after = this.#killedAt !== undefined && event.timeMs > this.#killedAt;
      const note = after ? `  ${Math.round(event.timeMs - this.#killedAt!)} ms after the kill` : '';
      if (after) this.#killedAt = undefined;
      const count = `${this.#done.size}/${this.#titles.size}`;
      this.#say(event.timeMs, 'green', 'done', `${title}  on ${event.node ?? '?'}  ${count}${note}`);
    }
    while (this.#levels[this.#levelsDone]?.every((task) => this.#done.has(task)))
      this.#say(event.timeMs, 'cyan', 'wave', `wave ${this.#levelsDone++} is complete`);
  }

  #barrier({ id, title, state }: EventBatch['barriers'][number]): void {
    if (this.#barriers.get(id) === state) return;
    this.#barriers.set(id, state);
    if (state === 'released')
      this.#say(this.#latestAt, 'cyan', 'barrier', `${title}: all have arrived and agree`);
    if (state === 'conflict') this.#say(this.#latestAt, 'red', 'barrier', `${title}: conflict`);
  }

  #say(
    at: number,
    colour: 'red' | 'green' | 'yellow' | 'cyan' | 'magenta',
    what: string,
    text: string,
  ): void {
    const since = `+${((at - (this.#openedAt ?? at)) / 1000).toFixed(2)} s`.padStart(9);
    this.#terminal.line(
      `${this.#painter().paint('dim', since)}  ${this.#painter().paint(colour, what.padEnd(8))}  ${text}`,
    );
  }

  #footer(): void {
    const share = this.#titles.size === 0 ? 0 : this.#doneCount / this.#titles.size;
    const full = Math.round(share * BAR_WIDTH);
    const bar = '#'.repeat(full) + '-'.repeat(BAR_WIDTH - full);
    const running = [...this.#running]
      .map(([task, { node }]) => `${this.#titles.get(task) ?? task}@${node}`)
      .join('  ');
    const text = `[${bar}] ${this.#doneCount}/${this.#titles.size}  ${running}`;
    this.#terminal.footer([text]);
  }

  #painter(): { paint: Terminal['paint'] } {
    return { paint: this.#terminal.paint.bind(this.#terminal) };
  }
}

/** `1 task`, `2 tasks`. */
function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** What became of each task: where it ran, how often it was begun, and how long its last attempt took. */
function tasksTable(run: RunDocument): string {
  const rows = run.tasks.map((task) => {
    const took =
      task.startedAt !== undefined && task.endedAt !== undefined
        ? showDuration(task.endedAt - task.startedAt)
        : '';
    return [task.title, task.orchestrator, task.node ?? '', task.state, String(task.attempts), took];
  });
  return table(['task', 'orchestrator', 'node', 'state', 'attempts', 'took'], rows);
}

function gap(kill: RunKill): string {
  return kill.gapMs === undefined ? 'nothing more' : `${Math.round(kill.gapMs)} ms`;
}

/** The ids of a plan's tasks, wave by wave. */
function wavesOf(plan: Plan): string[][] {
  const { levels, levelCount } = checkPlan(plan);
  const waves = Array.from({ length: levelCount }, (): string[] => []);
  plan.tasks.forEach((task, index) => waves[levels[index]!]!.push(task.id));
  return waves;
}

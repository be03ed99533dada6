import { didYouMean } from '@tutti/actors';
import { TuttiError } from '@tutti/kernel';
import type { ActorNodeInfo, HistoryEntry } from '@tutti/runtime';
import type { Command } from 'commander';
import type { AdminClient } from '../../admin/admin-client.ts';
import type { NodeTrace } from '../../admin/look-in-api.ts';
import { TraceReading } from '../../admin/trace-reading.ts';
import { pause } from '../../cluster/pause.ts';
import { findCluster, settingsFor } from '../cluster-access.ts';
import { onInterrupt } from '../interrupt.ts';
import { durationOption } from '../option-values.ts';

interface TraceFlags {
  readonly dir?: string;
  readonly for?: string;
  readonly json?: true;
}

const LOOK_MS = 250;
/** How long a trace that is printed as one document lasts, unless it is said. */
const DOCUMENT_FOR = '5s';

/** `tutti trace REF`: what one actor handles, as it does. */
export function addTraceCommand(program: Command): void {
  program
    .command('trace')
    .description('follow what one actor handles, and the state that it comes to')
    .argument(
      '<ref>',
      'its name or path as `tree` and `top` show it, NODE/PATH, an entity as KIND/KEY, or an address',
    )
    .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
    .option('--for <duration>', 'ends after this time (default: Ctrl-C; with --json 5s)')
    .option('--json', 'print one JSON document at the end')
    .action(async (ref: string, flags: TraceFlags) => {
      const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
      const limit = flags.for ?? (flags.json ? DOCUMENT_FOR : undefined);
      const limitMs = limit === undefined ? undefined : durationOption('--for', limit);
      const client = findCluster(values['cluster.directory']);
      const { signal, release } = onInterrupt();
      const until = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs);
      try {
        const tell = flags.json ? () => {} : (line: string) => process.stdout.write(`${line}\n`);
        const traced = await follow(client, ref, until ? AbortSignal.any([signal, until]) : signal, tell);
        if (flags.json) process.stdout.write(`${JSON.stringify(traced, undefined, 2)}\n`);
      } finally {
        release();
      }
    });
}

interface Traced {
  readonly actors: readonly (NodeTrace['actors'][number] & { readonly node: string })[];
  readonly entries: readonly (HistoryEntry & { readonly node: string })[];
  /** Messages that were pushed out of what the nodes keep before they could be shown. */
  readonly missed: number;
}

async function follow(
  client: AdminClient,
  ref: string,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<Traced> {
  const reading = new TraceReading();
  const entries: (HistoryEntry & { node: string })[] = [];
  let missed = 0;
  const first = await client.trace(ref, reading.from, true);
  for (const answer of first) reading.begin(answer);
  const actors = first.flatMap(({ node, actors: own }) => own.map((actor) => ({ node, ...actor })));
  if (actors.length === 0) throw await unknownActor(client, ref);
  for (const { node, path, entity, logic, state, mailboxDepth, restarts } of actors)
    tell(
      `${entity === undefined ? `${node}/${path}` : `${entity} on ${node}`}  (${logic}, ${state}, mailbox ${mailboxDepth}, restarts ${restarts})`,
    );
  while (!signal.aborted) {
    for (const answer of await client.trace(ref, reading.from, false)) {
      const { node } = answer;
      const fresh = reading.take(answer);
      missed += fresh.missed;
      if (fresh.missed > 0) tell(`${node}: ${fresh.missed} not shown, more than was kept between two looks`);
      for (const entry of fresh.entries) {
        entries.push({ node, ...entry });
        tell(entryText(node, entry));
      }
    }
    await pause(LOOK_MS, signal);
  }
  return { actors, entries, missed };
}

/** With the one that was probably meant, of all that can be named on the nodes that answer. */
async function unknownActor(client: AdminClient, ref: string): Promise<TuttiError> {
  const names = new Set<string>();
  const collect = (node: string, actors: readonly ActorNodeInfo[]): void => {
    for (const { path, entity, children } of actors) {
      if (entity !== undefined) names.add(entity).add(entity.slice(entity.indexOf(':') + 1));
      names
        .add(path.slice(path.lastIndexOf('/') + 1))
        .add(path)
        .add(`${node}/${path}`);
      collect(node, children);
    }
  };
  for (const { node, tree } of await client.trees()) collect(node, tree);
  return new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: `${ref}${didYouMean(ref, names)}`, ref });
}

function entryText(node: string, { at, type, value, problem, event }: HistoryEntry): string {
  const time = new Date(at).toISOString().slice(11, 23);
  const { type: _, ...rest } = event;
  const fields = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
  const after =
    problem === undefined
      ? value === undefined
        ? ''
        : ` -> ${JSON.stringify(value)}`
      : ` failed: ${problem}`;
  return `${time}  ${node}  ${type}${fields}${after}`;
}

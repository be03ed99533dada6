import type { ExecutionMode } from '@tutti/actors';
import type { AdminClient } from '../admin/admin-client.ts';
import type { LoadedPlan } from '../plan/load-plan.ts';
import type { RunDocument, RunNode } from './run-document.ts';
import type { RunListener } from './run-listener.ts';
import { documentOf, writeReport } from './run-plan.ts';

/** How to give a plan to a cluster that runs already. */
export interface SubmitOptions {
  readonly loaded: LoadedPlan;
  readonly client: AdminClient;
  /** Where the cluster keeps its state. */
  readonly directory: string;
  readonly session: string;
  readonly mode: ExecutionMode;
  /** The session's folder, which is there. */
  readonly folder: string;
  readonly listener: RunListener;
  /** Ends the following, not the session. */
  readonly signal: AbortSignal;
}

/**
 * Opens a session for a plan on a running cluster and follows it to its end; undefined when the signal ended the
 * following first. The cluster's processes are somebody else's: nothing is killed or started.
 * @throws TuttiError `TUTTI_ADMIN_UNREACHABLE`, or why the plan was refused
 */
export async function submitPlan(options: SubmitOptions): Promise<RunDocument | undefined> {
  const { loaded, client, directory, session, mode, folder, listener, signal } = options;
  const first = await client.leader();
  const nodes = await nodesOf(client);
  await client.submit({ session, plan: loaded.plan, mode, folder });
  listener.started({ session, plan: loaded.plan, mode, nodes, leader: first, directory });
  for await (const batch of client.events(session, signal)) listener.batch(batch);
  if (signal.aborted) return undefined;
  const leader = { first, last: await client.leader() };
  const view = await client.session(session);
  const document = writeReport(documentOf(view, await nodesOf(client), leader, [], 'real', folder));
  listener.ended(document);
  return document;
}

async function nodesOf(client: AdminClient): Promise<RunNode[]> {
  return (await client.everyStatus()).map(({ node, pid }) => ({ id: node, pid, state: 'up' }));
}

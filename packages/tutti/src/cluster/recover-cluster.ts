import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  furthest,
  type LogStoreState,
  planRecovery,
  type RecoveryPlan,
  type SurvivingLog,
  survivingLog,
  writeRecovery,
} from '@tutti/consensus';
import { createFileLogStore, DirectoryLock, type LogStore } from '@tutti/consensus/file';
import { clusterId, nodeId, TuttiError } from '@tutti/kernel';
import { type IdentityFile, logFolderOf, readIdentity, writeIdentity } from '../node/identity.ts';
import { Roster } from './roster.ts';

/** Which nodes of a cluster are left. */
export interface RecoverOptions {
  /** The cluster's. None of its processes may run. */
  readonly directory: string;
  /** Names of nodes whose folders are whole. */
  readonly survivors: readonly string[];
  /** Whoever says so has read what may be lost. Default false: then nothing is changed, and the refusal says what would be. */
  readonly mayLoseData?: boolean;
}

/** What was found, and what follows from it. */
export interface RecoveryFindings {
  /** The survivors' logs, the furthest first. */
  readonly logs: readonly Omit<SurvivingLog, 'membership' | 'before'>[];
  readonly plan: RecoveryPlan;
}

/** A cluster that can be started again. */
export interface Recovered extends RecoveryFindings {
  /** Of the survivors alone. */
  readonly lineage: string;
}

/** A survivor, with its log open and nobody else in it. */
interface OpenSurvivor {
  readonly name: string;
  readonly directory: string;
  readonly identity: IdentityFile;
  readonly store: LogStore;
  readonly log: SurvivingLog;
}

/**
 * Has a cluster that has lost its majority for good go on with the survivors alone, see `planRecovery`. They get a new
 * lineage first, so that no other node of the cluster can speak to them, nor a survivor that is recovered by itself a
 * second time; and none of them starts before all is done. When this is interrupted, it is called again.
 * @throws TuttiError `TUTTI_RECOVERY_UNCONFIRMED` with {@link RecoveryFindings} as details, `TUTTI_RECOVERY_REFUSED`,
 * `TUTTI_STORE_LOCKED` when a process of the cluster runs, `TUTTI_IDENTITY_INVALID`, `TUTTI_STORE_*`
 */
export async function recoverCluster(options: RecoverOptions): Promise<Recovered> {
  const directory = resolve(options.directory);
  const rosterOf = () => {
    const roster = Roster.find(directory);
    if (!roster) throw refusal(options.survivors, `there is no cluster in ${directory}`);
    return roster;
  };
  rosterOf();
  const lock = DirectoryLock.acquire(directory);
  const survivors: OpenSurvivor[] = [];
  try {
    // Again, now that nobody else can change it.
    const roster = rosterOf();
    for (const name of new Set(options.survivors))
      survivors.push(await open(directory, name, roster, options));
    const logs = survivors.map(({ log }) => log);
    const again = survivors.some(({ identity }) => identity.recovering);
    const plan = planRecovery(logs, { again });
    const findings: RecoveryFindings = { logs: inOrder(logs), plan };
    if (!options.mayLoseData)
      throw new TuttiError('TUTTI_RECOVERY_UNCONFIRMED', {
        voters: plan.membership.voters.join(', '),
        loss: lossOf(findings),
        ...findings,
      });
    return { ...findings, lineage: await carryOut(plan, survivors, roster) };
  } finally {
    for (const { store } of survivors) await new Promise((closed) => store.close(closed));
    lock.release();
  }
}

async function open(
  cluster: string,
  name: string,
  roster: Roster,
  { survivors }: RecoverOptions,
): Promise<OpenSurvivor> {
  if (!roster.current.includes(name))
    throw refusal(survivors, `${name} is no node of this cluster, which has ${roster.current.join(', ')}`);
  const directory = join(cluster, name);
  const identity = readIdentity(directory);
  if (!identity || !existsSync(logFolderOf(directory)))
    throw refusal(survivors, `there is no log of ${name} in ${directory}`);
  const node = nodeId(name);
  const store = createFileLogStore({
    directory: logFolderOf(directory),
    clusterId: clusterId(identity.clusterId),
    nodeId: node,
    beginning: { isNoted: identity.logBegun === true, note: () => {} },
  });
  const state = await new Promise<LogStoreState>((resolve, reject) => {
    store.open((failure, found) => (failure ? reject(failure) : resolve(found!)));
  });
  const voters = roster.hasJoined(name) ? [] : roster.founders.map(nodeId);
  try {
    if (state.damage)
      throw refusal(survivors, `the log of ${name} is damaged (${state.damage.failure.message})`);
    return {
      name,
      directory,
      identity,
      store,
      log: survivingLog(node, store, state, { voters, learners: [] }),
    };
  } catch (thrown) {
    await new Promise((closed) => store.close(closed));
    throw thrown;
  }
}

/** First nobody may start; then the log, and who is to be started; then they may. */
async function carryOut(
  plan: RecoveryPlan,
  survivors: readonly OpenSurvivor[],
  roster: Roster,
): Promise<string> {
  const lineage = randomBytes(8).toString('hex');
  const files = survivors.map(({ directory, identity }) => ({ directory, file: { ...identity, lineage } }));
  for (const { directory, file } of files) writeIdentity(directory, { ...file, recovering: true });
  const { store } = survivors.find(({ name }) => name === plan.chosen)!;
  await new Promise<void>((resolve, reject) => {
    writeRecovery(store, plan, (failure) => (failure ? reject(failure) : resolve()));
  });
  roster.goesOnWith(plan.membership.voters, lineage);
  for (const { directory, file } of files) {
    const { recovering: _, ...whole } = file;
    writeIdentity(directory, whole);
  }
  return lineage;
}

/** What a person has to know who decides. */
export function lossOf({ plan, logs }: RecoveryFindings): string {
  const { lastIndex, lastTerm } = logs[0]!;
  const loss = `Whatever was acknowledged after entry ${lastIndex} of term ${lastTerm} is lost`;
  if (!plan.meetsMajorities) return `${loss}.`;
  return `${loss}: nothing, unless the others removed or added a voter without a survivor hearing of it.`;
}

function inOrder(logs: readonly SurvivingLog[]): RecoveryFindings['logs'] {
  const best = furthest(logs);
  if (!best) return [];
  const { membership: _, before: __, ...shown } = best;
  return [shown, ...inOrder(logs.filter((log) => log !== best))];
}

const refusal = (survivors: readonly string[], problem: string) =>
  new TuttiError('TUTTI_RECOVERY_REFUSED', { survivors: survivors.join(', ') || 'nobody', problem });

import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFileLogStore, type LogStore } from '@tutti/consensus/file';
import { clusterId, isTuttiError, logIndex, nodeId, term } from '@tutti/kernel';
import { decodeMembership } from '../../packages/consensus/src/raft/membership-codec.ts';
import type { KillScenario } from '../../packages/consensus/src/storage/file/testing/kill-scenarios.ts';
import {
  appendTo,
  closeStore,
  openStore,
  suiteEntries,
} from '../../packages/consensus/src/storage/log-store-suite.ts';
import { recoverCluster } from '../../packages/tutti/src/cluster/recover-cluster.ts';
import { restoreCluster } from '../../packages/tutti/src/cluster/restore-cluster.ts';
import { Roster } from '../../packages/tutti/src/cluster/roster.ts';
import { logFolderOf, readIdentity, writeIdentity } from '../../packages/tutti/src/node/identity.ts';

const PROGRAM = fileURLToPath(new URL('./killed-rescue.ts', import.meta.url));
const FOUNDERS = ['n1', 'n2', 'n3', 'n4', 'n5'];
/** The first of them has the log that is furthest. */
const SURVIVORS = ['n1', 'n2'];
const NEW = ['n1', 'n2', 'n3'];
/** Entries that the first survivor has behind the snapshot, and those that the second one has. */
const ENTRIES = [5, 2] as const;

const backupIn = (directory: string) => join(directory, 'backup');
const clusterIn = (directory: string) => join(directory, 'cluster');
const nodeIn = (directory: string, name: string) => join(clusterIn(directory), name);

function storeOf(directory: string): LogStore {
  const identity = readIdentity(directory)!;
  return createFileLogStore({
    directory: logFolderOf(directory),
    clusterId: clusterId(identity.clusterId),
    nodeId: nodeId(identity.nodeId),
  });
}

// What is made once, and copied for each process that is killed

interface Made {
  readonly folder: string;
  readonly old: Found;
}
let made: Promise<Made> | undefined;

/** Removes what was made for all of them. */
export async function forgetRescues(): Promise<void> {
  const folder = (await made)?.folder;
  made = undefined;
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

/** A backup, and beside it a cluster of which two nodes are left, with logs that go on after a snapshot. */
async function make(): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-rescued-'));
  // Not needed by the processes that are killed, of which there are hundreds.
  const { backUp, createNode } = await import('tutti');
  const node = createNode({ dataDir: join(folder, 'old'), orchestration: false });
  await node.start();
  await backUp(node, backupIn(folder));
  await node.stop();
  const directory = clusterIn(folder);
  await restoreCluster({ file: backupIn(folder), directory, nodes: FOUNDERS, cluster: 'tutti' });
  for (const [i, name] of SURVIVORS.entries()) {
    const store = storeOf(nodeIn(folder, name));
    const { hardState } = await openStore(store);
    const next = Number(store.lastIndex) + 1;
    const inTerm = hardState.term + 1;
    await appendTo(store, { hardState: { term: term(inTerm), votedFor: undefined } });
    await appendTo(store, { entries: suiteEntries(next, next + ENTRIES[i]! - 1, inTerm, 100) });
    await closeStore(store);
  }
  for (const name of FOUNDERS)
    if (!SURVIVORS.includes(name)) rmSync(nodeIn(folder, name), { recursive: true });
  return { folder, old: await found(folder) };
}

async function copy(directory: string, what: 'backup' | 'cluster'): Promise<void> {
  const { folder } = await (made ??= make());
  cpSync(join(folder, what), join(directory, what), { recursive: true });
}

// What is on the disk

interface Found {
  readonly roster: string;
  readonly lineages: readonly string[];
  readonly isWaiting: readonly boolean[];
  /** Of the furthest log: the configuration at its end, if there is one. */
  readonly says: string;
  /** The entries of the furthest log that were there before. */
  readonly kept: number;
}

async function found(directory: string): Promise<Found> {
  const roster = Roster.find(clusterIn(directory))!;
  const identities = SURVIVORS.map((name) => readIdentity(nodeIn(directory, name))!);
  const store = storeOf(nodeIn(directory, SURVIVORS[0]!));
  const { snapshot } = await openStore(store);
  const first = Number(snapshot!.index) + 1;
  const entries = store.entries(logIndex(first), store.lastIndex, Infinity);
  await closeStore(store);
  const last = entries.at(-1)!;
  const isTold = last.kind === 'membership';
  const rest = suiteEntries(first, first + ENTRIES[0] - 1, Number(entries[0]!.term), 100);
  const kept = rest.filter((entry, i) => Buffer.compare(entry.data, entries[i]?.data ?? Buffer.of()) === 0);
  return {
    roster: `${roster.current.join()} of ${roster.lineage}`,
    lineages: identities.map(({ lineage }) => lineage!),
    isWaiting: identities.map(({ recovering }) => recovering === true),
    says: isTold ? decodeMembership(last.data).voters.join() : '',
    kept: kept.length,
  };
}

/** Why the survivors that a launcher could start do not belong together; undefined when they do. */
function mixture(now: Found, old: Found): string | undefined {
  const isOld = now.roster === old.roster;
  const starters = now.lineages.filter((_, i) => !now.isWaiting[i]);
  const begun = starters.filter((lineage) => !old.lineages.includes(lineage));
  if (now.kept < ENTRIES[0]) return 'entries are gone';
  if (new Set(starters).size > 1) return 'nodes of two lineages start';
  if (begun.length > 0 && now.says !== SURVIVORS.join()) return 'a node starts whose log is to be written';
  if (begun.length > 0 && now.roster !== `${SURVIVORS.join()} of ${begun[0]}`)
    return 'a node starts that the roster does not know';
  if (starters.length > begun.length && now.says !== old.says)
    return 'a node starts that was not told of the new configuration';
  if (starters.length === SURVIVORS.length && begun.length === 0 && !isOld)
    return 'all start as before, and the roster has changed';
  return undefined;
}

const recover = (directory: string) =>
  recoverCluster({ directory: clusterIn(directory), survivors: SURVIVORS, mayLoseData: true });

async function checkRecovered(directory: string, told: readonly unknown[]): Promise<string | undefined> {
  const { old } = await (made ??= make());
  const now = await found(directory);
  const mixed = mixture(now, old);
  if (mixed) return `${mixed}: ${JSON.stringify(now)}`;
  const isDone = !now.isWaiting.includes(true) && now.lineages[0] !== old.lineages[0];
  if (told.length > 0 && !isDone) return 'it was said to be recovered, and is not';
  try {
    await recover(directory);
  } catch (thrown) {
    // Survivors who are a majority are refused, and they are one when all is done.
    if (!isDone || !isTuttiError(thrown, 'TUTTI_RECOVERY_REFUSED')) throw thrown;
  }
  const after = await found(directory);
  const [lineage] = after.lineages;
  const isRight =
    after.lineages.every((one) => one === lineage) &&
    lineage !== old.lineages[0] &&
    !after.isWaiting.includes(true) &&
    after.roster === `${SURVIVORS.join()} of ${lineage}` &&
    after.says === SURVIVORS.join() &&
    after.kept === ENTRIES[0];
  return isRight ? undefined : `asked for again it leaves ${JSON.stringify(after)}`;
}

const recovery = (name: string, prepare: (directory: string) => void): KillScenario => ({
  name,
  program: PROGRAM,
  prepare: async (directory) => {
    await copy(directory, 'cluster');
    prepare(directory);
  },
  run: async (directory, _kill, told) => told((await recover(directory)).lineage),
  check: checkRecovered,
});

// A backup that is brought back

const restore = (directory: string) =>
  restoreCluster({
    file: backupIn(directory),
    directory: clusterIn(directory),
    nodes: NEW,
    cluster: 'tutti',
  });

/** Undefined when the cluster is there as a whole. */
async function wrongWith(directory: string): Promise<string | undefined> {
  const roster = Roster.find(clusterIn(directory));
  if (roster?.current.join() !== NEW.join()) return 'the roster has other nodes';
  for (const name of NEW) {
    const identity = readIdentity(nodeIn(directory, name));
    if (!identity || identity.lineage !== roster.lineage) return `${name} is of another lineage`;
    const store = storeOf(nodeIn(directory, name));
    const { snapshot, damage } = await openStore(store);
    await closeStore(store);
    if (damage || snapshot?.membership.voters.join() !== NEW.join()) return `the log of ${name} is not whole`;
  }
  return undefined;
}

const isThere = (path: string) => existsSync(path) && readdirSync(path).length > 0;

async function checkRestored(directory: string, told: readonly unknown[]): Promise<string | undefined> {
  const cluster = clusterIn(directory);
  if (told.length > 0 && !isThere(cluster)) return 'it was said to be restored, and is not there';
  if (isThere(cluster)) {
    const wrong = await wrongWith(directory);
    if (wrong) return `half of it is there: ${wrong}`;
  } else {
    // In a container the next attempt may well have the number of the one that was killed.
    for (const draft of draftsOf(cluster)) renameSync(draft, `${cluster}.${process.pid}.tmp`);
    await restore(directory);
  }
  const wrong = await wrongWith(directory);
  if (wrong) return `asked for again, ${wrong}`;
  const left = draftsOf(cluster);
  return left.length > 0 ? `${left.join()} is left behind` : undefined;
}

const draftsOf = (cluster: string): string[] =>
  readdirSync(dirname(cluster))
    .filter((name) => name.startsWith(`${basename(cluster)}.`))
    .map((name) => join(dirname(cluster), name));

/** The rescues of a cluster, during which a process is killed. */
export const RESCUE_SCENARIOS: readonly KillScenario[] = [
  recovery('recovery of a lost majority', () => {}),
  recovery('recovery that was interrupted before', (directory) => {
    const one = nodeIn(directory, 'n2');
    const lineage = '0123456789abcdef';
    writeIdentity(one, { ...readIdentity(one)!, lineage, recovering: true });
  }),
  {
    name: 'restoring a backup',
    program: PROGRAM,
    prepare: (directory) => copy(directory, 'backup'),
    run: async (directory, _kill, told) => told((await restore(directory)).lineage),
    check: checkRestored,
  },
];

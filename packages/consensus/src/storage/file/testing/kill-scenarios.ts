import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  assert,
  clusterId,
  incarnation,
  logIndex,
  type NodeId,
  nodeId,
  seededRandom,
  systemClock,
  term,
} from '@tutti/kernel';
import { Replica } from '../../../replica/replica.ts';
import { CounterModule } from '../../../replica/testing/replica-cluster.ts';
import { VirtualNetwork } from '../../../replica/testing/virtual-network.ts';
import { appendTo, closeStore, openStore, snapshotInto, suiteEntries } from '../../log-store-suite.ts';
import type { DiskCalls } from '../disk-calls.ts';
import { FileLogStore } from '../file-log-store.ts';
import { scanSegment } from '../segment-scan.ts';
import type { KillSwitch } from './kill-switch.ts';
import { type Peer, repaired } from './repaired-from-peer.ts';
import { Life, type LifeAccount, type Promised, whatIsWrong } from './store-life.ts';

/** Something that a process does with a store until it is killed, and what must be there afterwards. */
export interface KillScenario {
  readonly name: string;
  /** What lives through it, with the arguments of `killed-child.ts`, which is the default. */
  readonly program?: string;
  /** Makes what the process finds. */
  readonly prepare: (directory: string) => Promise<void>;
  /** The life of the process that is killed; `told` outlives it. */
  readonly run: (directory: string, kill: KillSwitch, told: (fact: unknown) => void) => Promise<void>;
  /** In another process: what is wrong with what is left, by what was told. */
  readonly check: (directory: string, told: readonly unknown[]) => Promise<string | undefined>;
}

const NOTHING = async (): Promise<void> => {};
const OWNER = { clusterId: clusterId('c'), nodeId: nodeId('n1') };

const storeIn = (directory: string, disk?: DiskCalls): FileLogStore =>
  new FileLogStore({ directory, ...OWNER, segmentBytes: 4096 }, disk);

// A life from the beginning

type Written = Omit<Promised, 'log'> & { readonly log: readonly (readonly [number, number])[] };

const written = (promised: Promised): Written => ({ ...promised, log: [...promised.log] });
const read = (found: Written): Promised => ({ ...found, log: new Map(found.log) });

const lifeOf = (name: string, isShared: boolean): KillScenario => ({
  name,
  prepare: NOTHING,
  run: (directory, kill, told) => {
    const tellAll = ({ promised, asked }: LifeAccount) => told([written(promised), written(asked)]);
    return new Life({ directory, isShared, disk: kill.disk() }, tellAll).run();
  },
  check: (directory, told) => {
    const nothing = written(new Life({ directory, isShared }).promised);
    const [promised, asked] = (told.at(-1) ?? [nothing, nothing]) as [Written, Written];
    return whatIsWrong({ directory, isShared }, { promised: read(promised), asked: read(asked) });
  },
});

// Damage that peers make up for

const ENTRIES = suiteEntries(1, 60, 1, 500);
const LATER = suiteEntries(61, 64, 3, 500);
const PEER: Peer = { entries: [...ENTRIES, ...LATER], snapshot: { index: 45, term: 1 } };

async function writeLog(directory: string, snapshotAt?: number): Promise<void> {
  const store = storeIn(directory);
  await openStore(store);
  await appendTo(store, { hardState: { term: term(1), votedFor: nodeId('n2') } });
  for (let from = 1; from <= 60; from += 3)
    await appendTo(store, { entries: ENTRIES.slice(from - 1, from + 2) });
  if (snapshotAt !== undefined) {
    await snapshotInto(store, snapshotAt, 1, new Uint8Array(1_000));
    store.compact(logIndex(snapshotAt));
  }
  await closeStore(store);
}

function filesOf(directory: string, ending: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => join(directory, name));
}

function change(path: string, action: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  action(bytes);
  writeFileSync(path, bytes);
}

/** Opens a store, has it repaired where it is damaged, and holds it against what there was. */
async function checkRepaired(directory: string, told: readonly unknown[]): Promise<string | undefined> {
  const store = storeIn(directory);
  const opened = await openStore(store);
  await repaired(store, opened, PEER);
  const from = Number(store.firstIndex);
  const last = Number(store.lastIndex);
  const covered = Number(store.snapshot()?.meta.index ?? 0);
  const found = last < from ? [] : store.entries(logIndex(from), logIndex(last), Infinity);
  await closeStore(store);
  if (from > covered + 1) return `it begins at ${from}, after a snapshot at ${covered}`;
  const acknowledged = Number(told.at(-1) ?? 60);
  if (last < acknowledged) return `it ends at ${last}, and ${acknowledged} was acknowledged`;
  for (const { index, term: found_, data } of found) {
    const wanted = PEER.entries[index - 1];
    if (!wanted || wanted.term !== found_ || Buffer.compare(wanted.data, data) !== 0)
      return `entry ${index} is another`;
  }
  return undefined;
}

/** Opens a damaged store, repairs it, and writes more. */
async function repairAndWrite(
  directory: string,
  kill: KillSwitch,
  told: (fact: unknown) => void,
): Promise<void> {
  const store = storeIn(directory, kill.disk());
  await repaired(store, await openStore(store), { ...PEER, entries: ENTRIES });
  await writeMore(store, told);
}

async function writeMore(store: FileLogStore, told: (fact: unknown) => void): Promise<void> {
  for (const entry of LATER) {
    await appendTo(store, { entries: [entry] });
    told(entry.index);
  }
  await closeStore(store);
}

const repairOf = (name: string, damage: (directory: string) => void, snapshotAt?: number): KillScenario => ({
  name,
  prepare: async (directory) => {
    await writeLog(directory, snapshotAt);
    damage(directory);
  },
  run: repairAndWrite,
  check: checkRepaired,
});

const holeRepair = repairOf('repair of a hole', (directory) => {
  change(filesOf(directory, '.log')[2]!, (bytes) => void bytes.fill(0xee, 800, 2_400));
});

const endRepair = repairOf('repair of a lost end', (directory) => {
  const used = filesOf(directory, '.log').filter((path) => recordsIn(path).length > 0);
  for (const path of used.slice(-2)) change(path, (bytes) => void bytes.fill(0xee, 1_500));
});

const snapshotRepair = repairOf(
  'repair of a lost snapshot',
  (directory) => change(filesOf(directory, '.snap')[0]!, (bytes) => void bytes.fill(0xee, 200, 300)),
  30,
);

function recordsIn(path: string) {
  return scanSegment(readFileSync(path), Number(/(\d+)\.log$/.exec(path)![1])).records;
}

// Decay that is found while the store is in use

const scrub: KillScenario = {
  name: 'mending what has decayed',
  prepare: (directory) => writeLog(directory),
  async run(directory, kill, told) {
    const store = storeIn(directory, kill.disk());
    await openStore(store);
    for (const path of [filesOf(directory, '.log')[1]!, lastUsed(directory)]) {
      const { offset, size } = recordsIn(path).findLast(({ record }) => record.type === 'entry')!;
      change(path, (bytes) => void bytes.fill(0xee, offset + 60, offset + size - 60));
      await mended(store);
    }
    await writeMore(store, told);
  },
  check: checkRepaired,
};

const lastUsed = (directory: string): string =>
  filesOf(directory, '.log').findLast((path) => recordsIn(path).length > 0)!;

/** Reads everything again until damage is found, and has it put right. */
async function mended(store: FileLogStore): Promise<void> {
  for (let found = false; !found; ) {
    found = await new Promise<boolean>((resolve, reject) => {
      store.scrub(4_096, false, (failure, step) =>
        failure ? reject(failure) : resolve(step!.damage !== undefined),
      );
    });
  }
  await new Promise<void>((resolve, reject) => {
    store.mend(ENTRIES, (failure, still) =>
      failure || still ? reject(failure ?? still!.failure) : resolve(),
    );
  });
}

// Three replicas that die together

const TRIO: readonly NodeId[] = ['n1', 'n2', 'n3'].map((name) => nodeId(name));
const COMMANDS = 12;
const WAIT_MS = 60_000;

interface Trio {
  readonly replicas: readonly Replica[];
  readonly counters: readonly CounterModule[];
}

async function startTrio(directory: string, lives: number, kill?: KillSwitch): Promise<Trio> {
  const network = new VirtualNetwork(systemClock, 0);
  network.drops = () => {
    kill?.send();
    return false;
  };
  const counters = TRIO.map(() => new CounterModule());
  const replicas = TRIO.map((id, i) => {
    const replica = new Replica({
      clusterId: OWNER.clusterId,
      nodeId: id,
      incarnation: incarnation(lives),
      voters: TRIO,
      clock: systemClock,
      random: seededRandom(lives * 10 + i),
      transport: network.attach(id),
      store: new FileLogStore(
        { directory: join(directory, id), clusterId: OWNER.clusterId, nodeId: id, segmentBytes: 4096 },
        kill?.disk(),
      ),
      config: { tickMs: 10, electionTicks: 5, snapshotEntries: 6, trailingEntries: 2, timeoutMs: WAIT_MS },
    });
    replica.register(counters[i]!);
    return replica;
  });
  await Promise.all(replicas.map((replica) => replica.start()));
  return { replicas, counters };
}

const trio: KillScenario = {
  name: 'three replicas',
  prepare: NOTHING,
  async run(directory, kill, told) {
    const { replicas } = await startTrio(directory, 1, kill);
    for (let i = 0; i < COMMANDS; i++) {
      await replicas[i % 3]!.propose('counter', { add: `k${i}`, by: 1 }, { timeoutMs: WAIT_MS });
      told(`k${i}`);
    }
    for (const replica of replicas) await replica.stop();
  },
  async check(directory, told) {
    const { replicas, counters } = await startTrio(directory, 2);
    let wrong: string | undefined;
    for (const [i, replica] of replicas.entries()) {
      await replica.readBarrier({ timeoutMs: WAIT_MS });
      const { counts } = counters[i]!;
      const missing = told.filter((key) => counts[key as string] === undefined);
      const repeated = Object.keys(counts).filter((key) => counts[key] !== 1);
      if (missing.length > 0) wrong ??= `${missing.join()} was acknowledged and is not there`;
      if (repeated.length > 0) wrong ??= `${repeated.join()} was applied more than once`;
    }
    for (const replica of replicas) await replica.stop();
    return wrong;
  },
};

/** Every kind of work during which a process is killed. */
export const KILL_SCENARIOS: readonly KillScenario[] = [
  lifeOf('a store', false),
  lifeOf('a group of a shared log', true),
  holeRepair,
  endRepair,
  snapshotRepair,
  scrub,
  trio,
];

export function scenarioNamed(name: string): KillScenario {
  const found = KILL_SCENARIOS.find((scenario) => scenario.name === name);
  assert(found, 'there is such a scenario');
  return found;
}

import { clusterId, messageOf, nodeId, seededRandom, term, VirtualClock } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import type { DiskCalls } from '../../storage/file/disk-calls.ts';
import { FileLogStore } from '../../storage/file/file-log-store.ts';
import { type ScannedRecord, scanSegment } from '../../storage/file/segment-scan.ts';
import { repaired } from '../../storage/file/testing/repaired-from-peer.ts';
import { appendTo, closeStore, holds, openStore, suiteEntry } from '../../storage/log-store-suite.ts';
import { DriveAilment, NO_DRIVE_FAULTS } from '../disk/drive-ailment.ts';
import { SimDrive, type SimFile } from '../disk/sim-drive.ts';
import { SimFiles } from '../disk/sim-files.ts';
import { NodeClock } from '../node-clock.ts';
import { driven } from './driven.ts';

const SEGMENT = /segment-(\d+)\.log$/;
/** The calls that change what is on a drive begin like these. */
const CHANGES = /^(write|fsync|fdatasync|rename|rm|unlink|link)/;

/** A segment that records were written to. */
interface UsedSegment {
  readonly file: SimFile;
  readonly records: readonly ScannedRecord[];
}

/** A process that opens the store, and may die on the way. */
interface Life {
  readonly store: FileLogStore;
  /** Comes true when it dies. */
  readonly death: Promise<'died'>;
  readonly end: () => void;
}

/** A drive with a log on it, of which everything was flushed and noted to be. */
class Machine {
  readonly world = new VirtualClock();
  readonly #drive = new SimDrive();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  #random(what: string) {
    return seededRandom(this.#seed).fork(what);
  }

  /** @param diesAt The process ends right after it has made this call, 1 for the first that changes something. */
  life(diesAt = Infinity): Life {
    const { world } = this;
    const random = this.#random('life');
    const clock = new NodeClock(world, { skewMs: 0, rate: 1 });
    const ailment = new DriveAilment(random, NO_DRIVE_FAULTS);
    const files = new SimFiles({ clock, world, drive: this.#drive, ailment, random, latencyMeanMs: 1 });
    const { promise: death, resolve } = Promise.withResolvers<'died'>();
    const ending = random.pick(['power', 'process'] as const);
    const die = (): void => {
      clock.kill();
      files.end(ending);
      resolve('died');
    };
    const options = {
      directory: '/n1',
      clusterId: clusterId('c'),
      nodeId: nodeId('n1'),
      segmentBytes: random.pick([4_096, 8_192]),
    };
    const store = new FileLogStore(options, mortal(files.calls(), diesAt, die));
    return { store, death, end: () => files.end('process') };
  }

  async write(): Promise<readonly Entry[]> {
    const random = this.#random('log');
    const { store, end } = this.life();
    const entries: Entry[] = [];
    await driven(this.world, openStore(store));
    const hardState = { term: term(1), votedFor: nodeId('n2') };
    for (let batch = random.integer(4, 12); batch > 0; batch--) {
      const from = entries.length + 1;
      const write = Array.from({ length: random.integer(1, 3) }, (_, i) =>
        suiteEntry(from + i, 1, random.integer(0, 500)),
      );
      await driven(this.world, appendTo(store, { hardState, entries: write }));
      entries.push(...write);
    }
    await driven(this.world, closeStore(store));
    end();
    return entries;
  }

  /** One entry or two decay in the segment that was written to last, and none of the newest batch. */
  makeHoles(): void {
    const random = this.#random('holes');
    const { file, records } = this.#last();
    const newest = records.at(-1)!.batch;
    const older = records.filter(({ record, batch }) => record.type === 'entry' && batch < newest);
    for (const record of random.shuffle(older).slice(0, random.integer(1, 2))) decay(file, record);
  }

  /** All of the newest batch decays. */
  loseNewest(): void {
    const { file, records } = this.#last();
    const newest = records.at(-1)!.batch;
    for (const record of records) if (record.batch === newest) decay(file, record);
  }

  #last(): UsedSegment {
    const used = this.#drive.paths().flatMap((path): UsedSegment[] => {
      const file = SEGMENT.test(path) ? this.#drive.file(path)! : undefined;
      if (!file) return [];
      const { records } = scanSegment(file.contents(), Number(SEGMENT.exec(path)![1]));
      return records.length > 0 ? [{ file, records }] : [];
    });
    return used.at(-1)!;
  }
}

/** Thrown by what a process that is dead would have done. */
class Dead extends Error {}

/** A bit turns in the number of its batch. */
const decay = (file: SimFile, { offset }: ScannedRecord): void => file.rot(offset + 16, 1);

/** Calls of a process that dies right after the given one: what that one has begun may be done, in part or not at all. */
function mortal(calls: DiskCalls, diesAt: number, die: () => void): DiskCalls {
  let left = diesAt;
  const wrapped = Object.entries(calls).map(([name, call]) => {
    const passed = (...args: unknown[]): unknown => {
      const isLater = typeof args.at(-1) === 'function';
      if (left > 0) {
        const outcome: unknown = Reflect.apply(call, undefined, args);
        if (CHANGES.test(name) && --left === 0) die();
        if (left > 0 || isLater) return outcome;
      } else if (isLater) return undefined;
      throw new Dead();
    };
    return [name, passed];
  });
  const made: object = Object.fromEntries(wrapped);
  return made as DiskCalls;
}

/**
 * Has a store that was damaged put right from a peer, and dies on the way: once after each call that changes the drive.
 * Then the newest batch decays, which had been noted to be flushed before the repair began. Whatever the repair has come
 * to, the store must not take that for what a crash left of a write, and is put right in the end.
 * @returns what is wrong
 */
export async function walkRepair(seed: number): Promise<string | undefined> {
  for (let call = 1; ; call++) {
    const machine = new Machine(seed);
    const entries = await machine.write();
    machine.makeHoles();
    const outcome = await repairUpTo(call, machine, entries);
    machine.loseNewest();
    const problem = await examine(machine, entries);
    if (problem) return `${outcome === 'died' ? `dead after call ${call}` : 'repaired'}: ${problem}`;
    if (outcome === 'repaired') return undefined;
  }
}

async function repairUpTo(
  call: number,
  machine: Machine,
  entries: readonly Entry[],
): Promise<'died' | 'repaired'> {
  const { store, death, end } = machine.life(call);
  const repair = async (): Promise<'repaired'> => {
    await repaired(store, await openStore(store), { entries });
    await closeStore(store);
    return 'repaired';
  };
  try {
    const outcome = await driven(machine.world, Promise.race([death, repair()]));
    if (outcome === 'repaired') end();
    return outcome;
  } catch (thrown) {
    if (thrown instanceof Dead) return 'died';
    throw thrown;
  }
}

async function examine(machine: Machine, entries: readonly Entry[]): Promise<string | undefined> {
  const { world } = machine;
  const { store } = machine.life();
  try {
    const opened = await driven(world, openStore(store));
    const { damage, lastIndex } = opened;
    if (!damage?.endLost && lastIndex < entries.length)
      return `it ends at ${lastIndex} of ${entries.length}, and does not say that its end is lost`;
    await driven(world, repaired(store, opened, { entries }));
    holds(store, 1, entries);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

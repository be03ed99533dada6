import type { DriveFaults } from '../disk/drive-ailment.ts';
import type { SimOptions } from '../sim-options.ts';
import {
  decay,
  decayOfNames,
  decayOfNote,
  forgottenEnd,
  forgottenVote,
  lostLog,
  noSpace,
} from './disk-faults.ts';
import { FAULT_FAMILIES, type FaultFamily } from './fault-kinds.ts';
import { ambush, fallAtCommit, halfLeader } from './moment-faults.ts';

/** One thing that a run may have: where it is made, which runs have it, and how it is known to have struck. */
export interface Trouble {
  readonly name: string;
  /** From `packages/consensus/src/sim` on. */
  readonly file: string;
  readonly isDrawn: (options: SimOptions) => boolean;
  /** What is counted each time that it strikes; undefined for what is there from the beginning to the end. */
  readonly mark: string | undefined;
}

const isOnDrives = ({ store }: SimOptions): boolean => store.kind === 'files';
const loses = (options: SimOptions): boolean => isOnDrives(options) && options.store.powerChance > 0;
const isFrail = ({ store, voters }: SimOptions): boolean => store.frail > 0 && voters > 2;
const rots = (options: SimOptions): boolean => isOnDrives(options) && isFrail(options);

const decays = (options: SimOptions): boolean => rots(options) && options.faults.kinds.includes(decay.name);
const ails =
  (fault: keyof DriveFaults) =>
  (options: SimOptions): boolean =>
    isOnDrives(options) && options.store.drive[fault] > 0;

function made(file: string, name: string, mark: string | undefined, isDrawn: Trouble['isDrawn']): Trouble {
  return { file, name, mark, isDrawn };
}

/** Kinds that need more than to be among the kinds of a run. */
const NEEDS: Readonly<Record<string, Trouble['isDrawn']>> = {
  [ambush.name]: ({ faults }) => faults.ambushes.length > 0,
  [halfLeader.name]: ({ faults }) => faults.halfLeaderChance > 0,
  [fallAtCommit.name]: ({ faults }) => faults.fallAtCommitChance > 0,
  [decay.name]: rots,
  [decayOfNames.name]: isOnDrives,
  [noSpace.name]: isOnDrives,
  [decayOfNote.name]: rots,
  [lostLog.name]: isFrail,
  [forgottenVote.name]: isFrail,
  [forgottenEnd.name]: (options) => isFrail(options) && !isOnDrives(options),
};

const kindsOf = ({ file, kinds }: FaultFamily): readonly Trouble[] =>
  kinds.map(({ name }) => {
    const has = (options: SimOptions) =>
      options.faults.kinds.includes(name) && (NEEDS[name]?.(options) ?? true);
    return made(file, name, name, has);
  });

const inForce = (name: string, isDrawn: Trouble['isDrawn']): Trouble =>
  made('draw-options.ts', name, undefined, isDrawn);

/** Everything that a run may have, for the table in `docs/consensus/simulator.md` and the count of what has struck. */
export const TROUBLES: readonly Trouble[] = [
  ...[1, 2, 3, 4, 5, 6, 7].map((count) =>
    inForce(count === 1 ? 'one voter' : `${count} voters`, ({ voters }) => voters === count),
  ),
  inForce('learners', ({ learners }) => learners > 0),
  inForce('nodes that wait to be added', ({ spares }) => spares > 0),
  made(
    'draw-members.ts',
    'members whose ticks, elections and reads differ',
    undefined,
    ({ unequal }) => unequal.length > 0,
  ),
  inForce('lives of one incarnation and seed', ({ livesAlike }) => livesAlike),
  inForce('election priorities', ({ electionPriorities }) => electionPriorities.length > 0),
  inForce('reads under leases', ({ replica }) => replica.reads === 'lease'),
  inForce('no pre-vote', ({ replica }) => replica.preVote === false),
  made('group-life.ts', 'several groups on each node', undefined, ({ groups }) => groups.count > 1),
  inForce('wall clocks that are wrong', ({ clockSkewMs }) => clockSkewMs > 0),
  inForce('clocks that run fast or slow', ({ clockDrift }) => clockDrift > 0),
  inForce('the store that ships', isOnDrives),
  made('sim-network.ts', 'loss', 'lost message', ({ network }) => network.lossChance > 0),
  made('sim-network.ts', 'repetition', 'repeated message', ({ network }) => network.duplicateChance > 0),
  made('sim-network.ts', 'delays with a heavy tail', 'late message', ({ network }) => network.tailChance > 0),
  ...FAULT_FAMILIES.flatMap(kindsOf),
  made('sim-disk.ts', 'a write that is torn', 'torn write', (options) => !isOnDrives(options)),
  made('disk/sim-drive.ts', 'sectors that were not flushed, lost', 'lost sectors', loses),
  made('disk/sim-drive.ts', 'sectors that were not flushed, in another order', 'reordered sectors', loses),
  made('disk/sim-drive.ts', 'names that were not flushed, lost', 'lost names', loses),
  made('disk/drive-ailment.ts', 'reads and writes that do a part', 'short call', ails('shortChance')),
  made('disk/drive-ailment.ts', 'EIO from a write', 'failed write', ails('errorChance')),
  made('disk/drive-ailment.ts', 'a flush that fails once and then lies', 'failed fsync', ails('errorChance')),
  made('disk/drive-ailment.ts', 'ENOSPC', 'full disk', ails('fullChance')),
  made('disk/decay.ts', 'a bit that turned', 'turned bit', decays),
  made('disk/decay.ts', "a record in another's place", 'misdirected write', decays),
];

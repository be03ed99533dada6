import {
  decay,
  decayOfNames,
  decayOfNote,
  forgottenEnd,
  forgottenVote,
  hungDisk,
  lostLog,
  noSpace,
  slowDisk,
} from './disk-faults.ts';
import type { FaultKind } from './fault-kind.ts';
import { askedBefore, lateAnswers } from './late-faults.ts';
import {
  bridge,
  clog,
  deafen,
  flap,
  isolate,
  lonelyLease,
  mute,
  oneWay,
  ring,
  split,
  starve,
} from './link-faults.ts';
import { churn, decommission, fallAtChange } from './membership-faults.ts';
import { ambush, fallAtCommit, halfLeader } from './moment-faults.ts';
import { crash, crashAll, leftBehind, pause, quickRestart } from './process-faults.ts';
import { deafTransfer, forgetfulVoter, retirement, transfer } from './transfer-faults.ts';

/** The kinds that one file makes. */
export interface FaultFamily {
  /** From `packages/consensus/src/sim` on. */
  readonly file: string;
  readonly kinds: readonly FaultKind[];
}

/** Every kind of trouble there is, where it is made. A new kind is one entry here; which runs have it is drawn by name. */
export const FAULT_FAMILIES: readonly FaultFamily[] = [
  { file: 'faults/process-faults.ts', kinds: [crash, crashAll, quickRestart, pause, leftBehind] },
  {
    file: 'faults/link-faults.ts',
    kinds: [split, isolate, oneWay, bridge, ring, flap, lonelyLease, clog, starve, deafen, mute],
  },
  {
    file: 'faults/disk-faults.ts',
    kinds: [
      slowDisk,
      hungDisk,
      noSpace,
      decay,
      decayOfNames,
      decayOfNote,
      lostLog,
      forgottenVote,
      forgottenEnd,
    ],
  },
  { file: 'faults/moment-faults.ts', kinds: [ambush, halfLeader, fallAtCommit] },
  { file: 'faults/transfer-faults.ts', kinds: [transfer, deafTransfer, forgetfulVoter, retirement] },
  { file: 'faults/membership-faults.ts', kinds: [churn, fallAtChange, decommission] },
  { file: 'faults/late-faults.ts', kinds: [lateAnswers, askedBefore] },
];

/** All of them, in an order that a seed's meaning rests on. */
export const FAULT_KINDS: readonly FaultKind[] = FAULT_FAMILIES.flatMap(({ kinds }) => kinds);

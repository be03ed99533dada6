import {
  decay,
  decayOfNames,
  decayOfNote,
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

/** Every kind of trouble there is. A new kind is one entry here; which runs have it is drawn by name. */
export const FAULT_KINDS: readonly FaultKind[] = [
  crash,
  crashAll,
  quickRestart,
  pause,
  leftBehind,
  split,
  isolate,
  oneWay,
  bridge,
  ring,
  flap,
  lonelyLease,
  clog,
  starve,
  deafen,
  mute,
  slowDisk,
  hungDisk,
  noSpace,
  decay,
  decayOfNames,
  decayOfNote,
  lostLog,
  forgottenVote,
  ambush,
  halfLeader,
  fallAtCommit,
  transfer,
  deafTransfer,
  forgetfulVoter,
  retirement,
  churn,
  fallAtChange,
  decommission,
  lateAnswers,
  askedBefore,
];

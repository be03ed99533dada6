import type { ReplicaConfig } from '@tutti/consensus';
import type { KeyPair } from '@tutti/transport';
import type { ClosedLoad } from '../../harness/load.ts';
import type { RaftAblation } from './ablations.ts';
import type { LoadAnswer, OfferedLoad } from './levels.ts';

/** What one voter's process is told first. */
export interface VoterConfig {
  readonly name: string;
  readonly voters: readonly string[];
  readonly directory: string;
  readonly life: number;
  /** 0 takes a free one. */
  readonly port: number;
  readonly keys: KeyPair;
  readonly config: ReplicaConfig;
  readonly ablation?: RaftAblation | undefined;
}

/** Closed-loop clients in the process of a voter. */
export interface LoadRequest extends ClosedLoad {
  readonly what: 'writes' | 'reads';
  /** Of one command. */
  readonly bytes: number;
}

/** Commands at a fixed rate, whatever the answers do, from the process of a voter. */
export interface OfferRequest extends OfferedLoad {
  /** Of one command. */
  readonly bytes: number;
}

export interface VoterAnswer extends LoadAnswer {
  /** With those of the warm-up. */
  readonly acknowledged: number;
}

/** What a voter's state has to show for it. */
export interface Ledger {
  readonly commands: number;
  readonly bytes: number;
}

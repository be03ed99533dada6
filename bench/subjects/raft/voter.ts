import type { ReplicaConfig } from '@tutti/consensus';
import type { KeyPair } from '@tutti/transport';
import type { PackedHistogram } from '../../harness/histogram.ts';
import type { RaftAblation } from './ablations.ts';

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
export interface LoadRequest {
  readonly what: 'writes' | 'reads';
  readonly clients: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** Of one command. */
  readonly bytes: number;
}

export interface LoadAnswer {
  readonly perS: number;
  /** In milliseconds. */
  readonly latencies: PackedHistogram;
  /** With those of the warm-up. */
  readonly acknowledged: number;
  readonly entriesPerFlush: number;
}

/** What a voter's state has to show for it. */
export interface Ledger {
  readonly commands: number;
  readonly bytes: number;
}

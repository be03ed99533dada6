import { type ErrorDetails, isTuttiError, messageOf, type PeerAddress } from '@tutti/kernel';
import type { ClusterConfig } from '@tutti/runtime';
import type { AddedNode, AddNodeOptions } from './launcher.ts';

/** How one node process is to be set up. Sent once, first. */
export interface NodeProcessConfig {
  readonly cluster: string;
  /** Of a cluster that was recovered or restored. */
  readonly lineage?: string;
  readonly node: string;
  readonly directory: string;
  /** It ran before: if its folder is empty, that was lost. */
  readonly hadLog: boolean;
  /** Voters at the cluster's beginning, this node among them; without any, it waits to be added to the group. */
  readonly voters: readonly string[];
  /** 0 takes a free port. */
  readonly port: number;
  readonly adminPort: number;
  /** What a caller of the admin interface must show. */
  readonly adminToken: string;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotEntries: number;
  readonly clusterConfig: Partial<ClusterConfig>;
  readonly logLevel: string;
}

/** From the launcher to a node process. */
export type ToNode =
  | { readonly type: 'configure'; readonly config: NodeProcessConfig }
  | { readonly type: 'peers'; readonly peers: readonly PeerAddress[] }
  /** Somebody is about to join. */
  | { readonly type: 'newcomer'; readonly peer: PeerAddress }
  | LauncherAnswer
  | { readonly type: 'stop' };

/** From a node process to its launcher. */
export type FromNode =
  | { readonly type: 'listening'; readonly address: PeerAddress }
  | { readonly type: 'ready'; readonly adminUrl: string; readonly incarnation: number }
  | { readonly type: 'request'; readonly id: number; readonly request: LauncherRequest }
  | { readonly type: 'failed'; readonly error: ToldError };

/** What somebody asked a node for and only the launcher can do. */
export type LauncherRequest =
  | { readonly verb: 'add'; readonly options: AddNodeOptions }
  | { readonly verb: 'remove'; readonly node: string };

/** How a request ended, by its id. */
export interface LauncherAnswer {
  readonly type: 'answer';
  readonly id: number;
  readonly added?: AddedNode | undefined;
  readonly error?: ToldError;
}

/** An error as one process tells another. */
export interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly details?: ErrorDetails;
}

/** What was thrown, ready to be told. */
export function toldError(thrown: unknown): ToldError {
  if (isTuttiError(thrown)) return { code: thrown.code, message: thrown.message, details: thrown.details };
  const problem = messageOf(thrown);
  return { code: 'TUTTI_INTERNAL', message: problem, details: { problem } };
}

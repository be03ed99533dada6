import type { ErrorDetails, PeerAddress } from '@tutti/kernel';

/** How one node process is to be set up. Sent once, first. */
export interface NodeProcessConfig {
  readonly cluster: string;
  readonly node: string;
  readonly directory: string;
  /** Voters of the cluster, this node among them. */
  readonly voters: readonly string[];
  /** 0 takes a free port. */
  readonly port: number;
  readonly adminPort: number;
  /** What a caller of the admin interface must show. */
  readonly adminToken: string;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotEntries: number;
  readonly logLevel: string;
}

/** From the launcher to a node process. */
export type ToNode =
  | { readonly type: 'configure'; readonly config: NodeProcessConfig }
  | { readonly type: 'peers'; readonly peers: readonly PeerAddress[] }
  | { readonly type: 'stop' };

/** From a node process to its launcher. */
export type FromNode =
  | { readonly type: 'listening'; readonly address: PeerAddress }
  | { readonly type: 'ready'; readonly adminUrl: string; readonly incarnation: number }
  | { readonly type: 'failed'; readonly error: { code: string; message: string; details?: ErrorDetails } };

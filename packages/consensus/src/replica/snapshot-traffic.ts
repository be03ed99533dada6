import { assert, type LogIndex, type NodeId } from '@tutti/kernel';
import type { InstallSnapshot, InstallSnapshotReply, RaftMessage } from '../raft/messages.ts';
import type { RaftNode } from '../raft/raft-node.ts';
import type { Applier } from './applier.ts';
import type { DriverParts } from './driver-parts.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { SnapshotSender } from './snapshot-sender.ts';

/** What snapshots in transit need of their driver. */
export interface SnapshotTrafficParts {
  readonly core: RaftNode;
  readonly applier: Applier;
  readonly send: (message: RaftMessage) => void;
  readonly schedule: () => void;
  readonly guarded: (action: () => void) => void;
  readonly failed: (failure: Error) => void;
}

/** Snapshots on their way to and from other nodes, kept apart from those this node takes of itself. */
export class SnapshotTraffic {
  readonly #parts: SnapshotTrafficParts;
  readonly #driver: DriverParts;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;

  constructor(driver: DriverParts, parts: SnapshotTrafficParts) {
    const { options, config, stats } = driver;
    const { core } = parts;
    this.#driver = driver;
    this.#parts = parts;
    this.#sender = new SnapshotSender({
      self: options.nodeId,
      clock: options.clock,
      chunkBytes: config.snapshotChunkBytes,
      send: parts.send,
      ended: (peer, meta, ok) => {
        if (ok) stats.snapshotsSent++;
        core.snapshotSent(peer, meta, ok);
        parts.schedule();
      },
    });
    this.#receiver = new SnapshotReceiver({
      self: options.nodeId,
      store: options.store,
      term: () => core.term,
      reply: (message) => parts.guarded(() => parts.send(message)),
      received: (meta) =>
        parts.guarded(() => {
          core.snapshotReceived(meta);
          parts.schedule();
        }),
      failed: parts.failed,
    });
  }

  /** Whether the stored snapshot is being sent, or another one received. */
  get busy(): boolean {
    return this.#sender.busy || this.#receiver.busy;
  }

  start(peer: NodeId): void {
    const stored = this.#driver.options.store.snapshot();
    assert(stored, 'what the log no longer has is in a snapshot');
    // The snapshot that goes out must not be replaced by the one being written.
    this.#parts.applier.abortSnapshot();
    this.#sender.start(peer, this.#parts.core.term, stored);
  }

  take(chunk: InstallSnapshot): void {
    // A snapshot of our own making would be older than the one that comes.
    this.#parts.applier.abortSnapshot();
    this.#receiver.take(chunk);
  }

  replied(message: InstallSnapshotReply): void {
    this.#sender.replied(message);
  }

  heard(peer: NodeId): void {
    this.#sender.heard(peer);
  }

  tick(): void {
    this.#sender.tick();
  }

  forgetThrough(appliedIndex: LogIndex): void {
    this.#receiver.forgetThrough(appliedIndex);
  }

  /** Gives up what is being sent: it was sent as the leader of a term that is over. */
  abandonSending(): void {
    this.#sender.abandon();
  }

  end(): void {
    this.#receiver.abort();
    this.#sender.abandon();
  }
}

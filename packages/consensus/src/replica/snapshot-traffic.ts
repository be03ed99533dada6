import { assert, type LogIndex, type NodeId } from '@tutti/kernel';
import type { InstallSnapshot, RaftMessage, SnapshotMeta } from '../raft/messages.ts';
import type { RaftNode } from '../raft/raft-node.ts';
import type { Applier } from './applier.ts';
import type { DriverParts } from './driver-parts.ts';
import { type SnapshotLimits, snapshotLimits } from './snapshot-limits.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { SnapshotRetention } from './snapshot-retention.ts';
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
  readonly #retention: SnapshotRetention;

  constructor(driver: DriverParts, parts: SnapshotTrafficParts) {
    const { options, config } = driver;
    this.#driver = driver;
    this.#parts = parts;
    const limits =
      options.snapshotLimits ??
      snapshotLimits(options.clock, {
        outgoing: config.snapshotsOutgoingMax,
        incoming: 1,
        bytesPerSecond: config.snapshotBytesPerSecond,
      });
    this.#retention = new SnapshotRetention(config.snapshotLogBytesMax);
    this.#sender = new SnapshotSender({
      self: options.nodeId,
      clock: options.clock,
      chunkBytes: config.snapshotChunkBytes,
      windowBytes: config.snapshotWindowBytes,
      limits,
      guarded: parts.guarded,
      send: parts.send,
      ended: (peer, meta, ok) => this.#sent(peer, meta, ok),
      damaged: (meta) => this.#foundDamaged(meta),
    });
    this.#receiver = this.#makeReceiver(limits);
  }

  #makeReceiver(limits: SnapshotLimits): SnapshotReceiver {
    const { core, send, guarded, schedule, failed } = this.#parts;
    const { nodeId, clock, store } = this.#driver.options;
    return new SnapshotReceiver({
      self: nodeId,
      clock,
      store,
      places: limits.incoming,
      term: () => core.term,
      reply: (message) => guarded(() => send(message)),
      received: (meta) =>
        guarded(() => {
          core.snapshotReceived(meta);
          schedule();
        }),
      failed,
    });
  }

  /** Whether a snapshot is on its way in: one of our own making would be older. */
  get isReceiving(): boolean {
    return this.#receiver.busy;
  }

  start(peer: NodeId): void {
    const stored = this.#driver.options.store.snapshot();
    assert(stored, 'what the log no longer has is in a snapshot');
    this.#retention.sending(peer, stored.meta.index, this.#driver.host.appliedBytes);
    this.#sender.start(peer, this.#parts.core.term, stored);
  }

  take(chunk: InstallSnapshot): void {
    this.#parts.applier.abortSnapshot();
    this.#receiver.take(chunk);
  }

  /** A message came, and the core has had it. */
  heard(message: RaftMessage): void {
    if (message.type === 'installSnapshotReply') this.#sender.replied(message);
    // The core does not look at chunks now, but their sender must not take this node for dead.
    if (message.type === 'installSnapshot' && this.#parts.applier.isInstalling)
      this.#receiver.answerLater(message);
    this.#sender.heard(message.from);
  }

  tick(): void {
    const { host, stats, logger } = this.#driver;
    this.#sender.tick();
    this.#receiver.tick();
    for (const peer of this.#retention.overdue(host.appliedBytes)) {
      stats.snapshotsRestarted++;
      logger.warn({ peer }, 'The log grew too long while a snapshot was sent; a newer one is sent instead');
      this.#sender.restart(peer);
    }
    this.trimLog();
  }

  /** Drops what the stored snapshot covers, as far as nobody is going to need it. */
  trimLog(): void {
    const { options, config } = this.#driver;
    const { core, applier } = this.#parts;
    const stored = options.store.snapshot();
    if (!stored || applier.isInstalling) return;
    const droppable = this.#retention.droppable(core.progress(), core.lastIndex);
    // What a batch that is still to be written replaces must be there when it comes; and a snapshot that was received
    // after the log had brought its last entry is not installed: what it covers is applied from the log.
    const needless = Math.min(stored.meta.index - config.trailingEntries, applier.index);
    const index = Math.min(needless, droppable, core.durableIndex);
    if (index >= options.store.firstIndex) options.store.compact(index as LogIndex);
  }

  forgetThrough(appliedIndex: LogIndex): void {
    this.#receiver.forgetThrough(appliedIndex);
  }

  /** Gives up what is being sent: it was sent as the leader of a term that is over. */
  abandonSending(): void {
    this.#sender.abandon();
    this.#retention.clear();
  }

  end(): void {
    this.#receiver.abort();
    this.abandonSending();
  }

  #sent(peer: NodeId, meta: SnapshotMeta, ok: boolean): void {
    if (ok) this.#driver.stats.snapshotsSent++;
    this.#retention.sent(peer, ok);
    this.#parts.core.snapshotSent(peer, meta, ok);
    this.#parts.schedule();
  }

  #foundDamaged(meta: SnapshotMeta): void {
    this.#driver.logger.error(
      { index: meta.index },
      'The stored snapshot is damaged; another one is taken before it is sent',
    );
    this.#parts.applier.demandSnapshot();
  }
}

import { CHANNEL, isTuttiError } from '@tutti/kernel';
import type { RaftNode } from '../raft/raft-node.ts';
import type { Applier } from './applier.ts';
import { COMMAND_OVERHEAD_BYTES_MAX, isWellFormed, stamped } from './command.ts';
import type { DriverParts } from './driver-parts.ts';
import type { Persister } from './persister.ts';
import type { ProposalRoute } from './proposals.ts';
import { messageToWire } from './wire.ts';

/** Bytes held while leadership is being handed on; what goes beyond is sent again by its proposer. */
const HELD_BYTES_MAX = 4 * 2 ** 20;

/** Takes encoded commands to whoever leads: into this node's own log, or over the wire to another's. */
export class ProposalRouting {
  readonly #parts: DriverParts;
  readonly #core: RaftNode;
  readonly #persister: Persister;
  readonly #applier: Applier;
  /** Forwarded here while leadership was being handed on; for the next leader, or for this one after all. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #stampedMs = 0;

  constructor(parts: DriverParts, core: RaftNode, persister: Persister, applier: Applier) {
    this.#parts = parts;
    this.#core = core;
    this.#persister = persister;
    this.#applier = applier;
  }

  /** The way to the leader as it is known now. */
  current(): ProposalRoute {
    const { term, leader } = this.#core;
    const { nodeId: from, transport } = this.#parts.options;
    return {
      term,
      leader,
      propose: (frame) => this.#append(frame),
      forward: (frames) =>
        leader !== undefined &&
        transport.send(
          leader,
          CHANNEL.consensus,
          messageToWire({ type: 'forward', from, frames }),
          'bulk',
        ) === 'queued',
      refusal: () => this.#core.notLeader(),
    };
  }

  /**
   * A node that does not lead drops them: their proposer notices the change of leader and sends them there. While
   * leadership is being handed on nobody would notice if it stayed, so they are kept until that is known.
   */
  takeForwarded(frames: readonly Uint8Array[]): void {
    const { config, stats, options } = this.#parts;
    for (const frame of frames) {
      if (!isWellFormed(frame) || frame.length > config.commandBytesMax + COMMAND_OVERHEAD_BYTES_MAX)
        stats.malformed++;
      else if (this.#core.transferTarget !== undefined) this.#hold(frame);
      else if (this.#core.leader !== options.nodeId || !this.#append(frame)) return;
    }
  }

  #hold(frame: Uint8Array): void {
    if (this.#heldBytes + frame.length > HELD_BYTES_MAX) return;
    this.#heldBytes += frame.length;
    this.#held.push(frame);
  }

  /** Does with what was held what is right now; nothing while the transfer lasts. */
  release(): void {
    if (this.#held.length === 0 || this.#core.transferTarget !== undefined) return;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.takeForwarded(held);
  }

  #append(frame: Uint8Array): boolean {
    if (this.#core.transferTarget !== undefined) return false;
    const { config, options, stats } = this.#parts;
    const { backlogMax, backlogBytesMax } = config;
    if (this.#core.lastIndex - this.#applier.index >= backlogMax) return false;
    if (this.#persister.queuedEntries >= backlogMax) return false;
    if (this.#persister.queuedBytes + frame.length > Math.max(backlogBytesMax, frame.length)) return false;
    this.#stampedMs = Math.max(this.#stampedMs, options.clock.wallTime());
    try {
      if (this.#core.propose(stamped(frame, this.#stampedMs)) === undefined) return false;
    } catch (thrown) {
      if (isTuttiError(thrown, 'TUTTI_OVERLOADED')) return false;
      throw thrown;
    }
    stats.appended++;
    return true;
  }
}

import { CHANNEL, isTuttiError, type NodeId } from '@tutti/kernel';
import type { RaftNode } from '../raft/raft-node.ts';
import type { Applier } from './applier.ts';
import { COMMAND_OVERHEAD_BYTES_MAX, type CommandId, commandIdOf, isWellFormed, stamped } from './command.ts';
import type { DriverParts } from './driver-parts.ts';
import { OpeningGate } from './opening-gate.ts';
import type { Persister } from './persister.ts';
import type { ProposalRoute } from './proposals.ts';
import { messageToWire } from './wire.ts';

/** Bytes held until it is known what to do with them; what goes beyond is sent again by its proposer. */
const HELD_BYTES_MAX = 4 * 2 ** 20;

/** Takes encoded commands to whoever leads: into this node's own log, or over the wire to another's. */
export class ProposalRouting {
  readonly #parts: DriverParts;
  readonly #core: RaftNode;
  readonly #persister: Persister;
  readonly #applier: Applier;
  readonly #openings: OpeningGate;
  /** Forwarded here while leadership was being handed on, or before it was known whether the log has it. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #stampedMs = 0;

  constructor(parts: DriverParts, core: RaftNode, persister: Persister, applier: Applier) {
    this.#parts = parts;
    this.#core = core;
    this.#persister = persister;
    this.#applier = applier;
    this.#openings = new OpeningGate(core, applier, parts.host.sessions);
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
   * leadership is being handed on nobody would notice if it stayed, so they are kept until that is known; as is an
   * opening that a new leader cannot judge yet, lest it be sent again only after `resendMs`. A command for a module that
   * this leader does not have is refused: in the log it would stop every node that is without it.
   */
  takeForwarded(from: NodeId, frames: readonly Uint8Array[]): void {
    const { config, stats, host } = this.#parts;
    const refused: CommandId[] = [];
    const taken: Uint8Array[] = [];
    for (const frame of frames) {
      if (!isWellFormed(frame) || frame.length > config.commandBytesMax + COMMAND_OVERHEAD_BYTES_MAX)
        stats.malformed++;
      else if (this.#core.role !== 'leader') return;
      else if (host.knows(frame)) taken.push(frame);
      else refused.push(commandIdOf(frame));
    }
    if (refused.length > 0) this.#refuse(from, refused);
    this.#take(taken);
  }

  #refuse(to: NodeId, commands: readonly CommandId[]): void {
    const { nodeId: from, transport } = this.#parts.options;
    const message = messageToWire({ type: 'forwardRefused', from, commands });
    transport.send(to, CHANNEL.consensus, message, 'control');
  }

  #take(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      if (this.#core.transferTarget !== undefined) this.#hold(frame);
      else if (this.#core.leader !== this.#parts.options.nodeId) return;
      else if (this.#openings.mustWait(frame)) this.#hold(frame);
      else if (!this.#append(frame)) return;
    }
  }

  #hold(frame: Uint8Array): void {
    if (this.#heldBytes + frame.length > HELD_BYTES_MAX) return;
    this.#heldBytes += frame.length;
    this.#held.push(frame);
  }

  /** Does with what was held what is right now; nothing while a transfer lasts. */
  release(): void {
    if (this.#held.length === 0 || this.#core.transferTarget !== undefined) return;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#take(held);
  }

  #append(frame: Uint8Array): boolean {
    if (this.#core.transferTarget !== undefined || this.#openings.mustWait(frame)) return false;
    if (this.#openings.has(frame)) return true;
    const { config, options, stats } = this.#parts;
    const { backlogMax, backlogBytesMax } = config;
    if (this.#core.lastIndex - this.#applier.index >= backlogMax) return false;
    if (this.#persister.queuedEntries >= backlogMax) return false;
    if (this.#persister.queuedBytes + frame.length > Math.max(backlogBytesMax, frame.length)) return false;
    this.#stampedMs = Math.max(this.#stampedMs, options.clock.wallTime());
    try {
      const index = this.#core.propose(stamped(frame, this.#stampedMs));
      if (index === undefined) return false;
      this.#openings.appended(frame, index);
    } catch (thrown) {
      if (isTuttiError(thrown, 'TUTTI_OVERLOADED')) return false;
      throw thrown;
    }
    stats.appended++;
    return true;
  }
}

import { CHANNEL, type NodeId, type SendOutcome, type Transport } from '@tutti/kernel';
import type { RaftMessage } from '../raft/messages.ts';
import type { RaftNode } from '../raft/raft-node.ts';
import { laneOf, messageToWire } from './wire.ts';

/** Sends what the core wants sent, and tells it what the links did not take. */
export class Outbox {
  readonly #transport: Transport;
  readonly #core: RaftNode;

  constructor(transport: Transport, core: RaftNode) {
    this.#transport = transport;
    this.#core = core;
  }

  send(message: RaftMessage): SendOutcome {
    return this.#transport.send(message.to, CHANNEL.consensus, messageToWire(message), laneOf(message));
  }

  /** An append after one that was not taken would find a gap at its receiver, so it does not leave either. */
  sendAll(messages: readonly RaftMessage[]): void {
    let refusing: Set<NodeId> | undefined;
    for (const message of messages) {
      const isAppend = message.type === 'appendEntries';
      if (isAppend && refusing?.has(message.to)) continue;
      const outcome = this.send(message);
      if (outcome === 'no-link') this.#core.unreachable(message.to);
      if (outcome === 'queued' || !isAppend) continue;
      refusing ??= new Set();
      refusing.add(message.to);
      this.#core.unsent(message);
    }
  }
}

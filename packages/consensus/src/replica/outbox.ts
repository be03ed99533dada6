import { CHANNEL, type NodeId, type SendOutcome, type Transport } from '@tutti/kernel';
import type { AppendEntries, RaftMessage } from '../raft/messages.ts';
import type { RaftNode } from '../raft/raft-node.ts';
import { laneOf, messageToWire } from './wire.ts';

/** Word without entries, and the turn in which it was to leave. */
interface Held {
  readonly message: AppendEntries;
  readonly turn: number;
}

/**
 * Sends what the core wants sent, and tells it what the links did not take. An append without entries waits for one
 * turn: a client that is answered by a commit proposes the next command then, and its append takes the word along. A
 * message to each follower and its reception are saved for each commit.
 */
export class Outbox {
  readonly #transport: Pick<Transport, 'send'>;
  readonly #core: Pick<RaftNode, 'unreachable' | 'unsent'>;
  /** At most one for each peer: a later one says as much. */
  readonly #held = new Map<NodeId, Held>();
  #turn = 0;

  constructor(transport: Pick<Transport, 'send'>, core: Pick<RaftNode, 'unreachable' | 'unsent'>) {
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
      if (message.type !== 'appendEntries') this.#noteLink(message, this.send(message));
      else if (refusing?.has(message.to)) continue;
      else if (message.entries.length === 0) this.#hold(message);
      else if (!this.#sendAppend(message)) (refusing ??= new Set()).add(message.to);
    }
  }

  /** What has waited through a whole turn leaves. True if something waits for the end of the next. */
  endTurn(): boolean {
    for (const { message, turn } of this.#held.values()) if (turn < this.#turn) this.#sendAppend(message);
    this.#turn++;
    return this.#held.size > 0;
  }

  /** Nothing is held any more: it all leaves, for there is no next turn. */
  close(): void {
    for (const { message } of this.#held.values()) this.send(message);
    this.#held.clear();
  }

  #hold(message: AppendEntries): void {
    const turn = this.#held.get(message.to)?.turn ?? this.#turn;
    this.#held.set(message.to, { message, turn });
  }

  /** What waits for the same peer is overtaken: this says what it says, and is not older. */
  #sendAppend(message: AppendEntries): boolean {
    this.#held.delete(message.to);
    const outcome = this.send(message);
    this.#noteLink(message, outcome);
    if (outcome === 'queued') return true;
    this.#core.unsent(message);
    return false;
  }

  #noteLink({ to }: RaftMessage, outcome: SendOutcome): void {
    if (outcome === 'no-link') this.#core.unreachable(to);
  }
}

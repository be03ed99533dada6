import type { Mutant } from '../mutant.ts';
import { FORGOTTEN_ENDS, HALF_LEADERS, LIVES_ALIKE, LOSSY } from './seasons.ts';

/** What is in the log, on which disks, and when it is committed. */
export const REPLICATION_MUTANTS: readonly Mutant[] = [
  {
    name: 'an entry of an earlier term commits by counting replicas',
    file: 'raft/replication.ts',
    right: 'this.#log.termAt(reached) === this.#term ? reached : 0',
    wrong: 'reached',
    season: HALF_LEADERS,
  },
  {
    name: 'a leader counts its own disk before it has written',
    file: 'raft/replication.ts',
    right: 'voter === this.#self ? this.#log.durableIndex :',
    wrong: 'voter === this.#self ? this.#log.lastIndex :',
  },
  {
    name: 'a follower acknowledges what is not on its disk',
    file: 'raft/following.ts',
    right: 'logIndex(Math.min(state.verifiedIndex, state.log.durableIndex))',
    wrong: 'state.verifiedIndex',
  },
  {
    name: 'a heartbeat announces more than its receiver acknowledged',
    file: 'raft/heartbeats.ts',
    right: 'logIndex(Math.min(progress.match, state.commitIndex))',
    wrong: 'state.commitIndex',
  },
  {
    name: 'an append is accepted after an entry of another term',
    file: 'raft/accept-entries.ts',
    right: '!log.matches(prevIndex, prevTerm)',
    wrong: 'prevIndex > log.lastIndex',
  },
  {
    name: 'a repeated append drops what follows it',
    file: 'raft/accept-entries.ts',
    right: 'while (at < entries.length && log.matches(entries[at]!.index, entries[at]!.term)) at++;',
    wrong: '',
  },
  {
    name: 'an acknowledgement of the disk is matched by index',
    file: 'raft/log-view.ts',
    right: 'for (const flight of this.#flights) flight.lastIndex = Math.min(flight.lastIndex, kept);',
    wrong: '',
  },
  {
    name: 'a lost append is never noticed',
    file: 'raft/progress.ts',
    right: 'else if (tick > this.#heartbeatAtTick) this.#verifyDue = true;',
    wrong: 'else if (tick > this.#heartbeatAtTick) this.#verifyDue = false;',
  },
  {
    name: 'a peer is taken to have what it once acknowledged, whatever it says',
    file: 'raft/progress.ts',
    right: 'if (this.#denials < DENIALS) return false;',
    wrong: 'return false;',
    season: FORGOTTEN_ENDS,
  },
  {
    name: 'nobody looks where the log of a peer ends',
    file: 'raft/progress.ts',
    right: 'const isBehind = peerLast < this.#match && this.#match === this.#matchAtHeartbeat;',
    wrong: 'const isBehind = false as boolean && peerLast === 0;',
    season: FORGOTTEN_ENDS,
  },
  {
    name: 'a life of the same incarnation and seed names its sessions as the one before did',
    file: 'replica/life.ts',
    right: '`${nodeId}/${incarnation}/${life}/',
    wrong: '`${nodeId}/${incarnation}/${life - life}/',
    season: LIVES_ALIKE,
  },
  {
    name: 'a lost probe is never sent again',
    file: 'raft/progress.ts',
    right: 'if (tick >= this.#pausedUntil) this.#paused = false;',
    wrong: '',
  },
  {
    name: 'a window shrinks to nothing',
    file: 'raft/flight-window.ts',
    right: 'this.#messages = Math.max(1, Math.floor(this.#messages / 2));',
    wrong: 'this.#messages = Math.floor(this.#messages / 2);',
  },
  {
    name: 'a peer that conflicts is waited for without end',
    file: 'raft/progress.ts',
    right: 'Math.min(2 ** Math.min(beyond - 1, 30), this.#electionTimeoutTicks)',
    wrong: 'Infinity',
    season: LOSSY,
  },
  {
    name: 'an append without entries is never answered',
    file: 'raft/following.ts',
    right: 'if (!isNotice(state, message)) state.ackDue = true;',
    wrong: 'if (message.entries.length > 0) state.ackDue = true;',
  },
  {
    name: 'a command that was sent is said to have come to nothing',
    file: 'replica/lapsed.ts',
    right: 'if (attempts > 0) return',
    wrong: 'if (attempts > 9) return',
  },
  {
    name: 'a command that was sent is said to have come to nothing when its replica stops',
    file: 'replica/lapsed.ts',
    right: 'if (attempts === 0) return refusal;',
    wrong: 'return refusal;',
  },
  {
    name: 'a leader takes an opening whose session it knows',
    file: 'replica/opening-gate.ts',
    right: 'this.#appended.has(nonce) || this.#sessions.sessionOf(nonce) !== undefined',
    wrong: 'this.#appended.has(nonce)',
  },
  {
    name: 'a leader takes an opening before it has applied what others left in its log',
    file: 'replica/opening-gate.ts',
    right: 'onceNonceOf(frame) !== undefined && this.#applier.term !== this.#core.term',
    wrong: 'onceNonceOf(frame) !== undefined && this.#applier.index < 0',
  },
  {
    name: 'a leader begins its term without an entry',
    file: 'raft/leading.ts',
    right: "  append(state, 'noop', NO_DATA);",
    wrong: '',
  },
];

import type { Mutant } from './mutant.ts';

/**
 * A bug in one of Raft's rules each, to see that the simulator guards the rule. Rules whose breach needs a crash
 * between two particular writes are held by `raft/raft-disk.test.ts` instead, which plays them through.
 */
export const RAFT_MUTANTS: readonly Mutant[] = [
  {
    name: 'a vote leaves before it is on disk',
    file: 'raft/elections.ts',
    right: 'state.promises.push(voteReply(state, message, granted));',
    wrong: 'state.messages.push(voteReply(state, message, granted));',
  },
  {
    name: 'a voter votes for everyone who asks',
    file: 'raft/elections.ts',
    right: '(state.votedFor === undefined || state.votedFor === message.from) &&',
    wrong: '',
  },
  {
    name: 'a vote does not look at the log',
    file: 'raft/elections.ts',
    right: '    isUpToDate(message, state.log);\n  if (granted)',
    wrong: '    true;\n  if (granted)',
  },
  {
    name: 'logs are compared by length alone',
    file: 'raft/campaign.ts',
    right: 'if (candidate.lastTerm !== log.lastTerm) return candidate.lastTerm > log.lastTerm;',
    wrong: '',
  },
  {
    name: 'the vote is forgotten by stepping down within the term',
    file: 'raft/roles.ts',
    right: 'if (term > state.term) {',
    wrong: 'if (term >= state.term) {',
  },
  {
    name: 'a candidate asks for votes and counts its own before that is on disk',
    file: 'raft/elections.ts',
    right: 'requestVotes(state, state.campaign, state.promises);',
    wrong: 'requestVotes(state, state.campaign, state.messages); state.campaign.count(state.id, true);',
  },
  {
    name: 'answers to another campaign count',
    file: 'raft/campaign.ts',
    right: 'return reply.pre === this.pre && reply.campaignTerm === this.term;',
    wrong: 'return true;',
  },
  {
    name: 'one vote less than a majority wins an election',
    file: 'quorum/majority.ts',
    right: 'if (granted >= needed)',
    wrong: 'if (granted >= Math.max(1, needed - 1))',
  },
  {
    name: 'an entry of an earlier term commits by counting replicas',
    file: 'raft/replication.ts',
    right: 'this.#log.termAt(reached) === this.#term ? reached : 0',
    wrong: 'reached',
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
    name: 'reads are answered without a round of heartbeats',
    file: 'raft/read-rounds.ts',
    right: 'this.#rounds[0]!.round <= confirmed',
    wrong: 'confirmed >= 0',
  },
  {
    name: 'answers to an earlier round confirm a later one',
    file: 'raft/read-rounds.ts',
    right: 'this.#answered.set(from, round);',
    wrong: 'this.#answered.set(from, this.#last);',
  },
  {
    name: 'a new leader answers reads before it has committed in its term',
    file: 'raft/read-index.ts',
    right: 'state.rounds.hasWaiting && state.log.termAt(state.commitIndex) === state.term',
    wrong: 'state.rounds.hasWaiting',
  },
  {
    name: 'a read is answered at the index of its question to an earlier life',
    file: 'raft/forwarded-reads.ts',
    right: 'random.uint32() * 2 ** 20',
    wrong: '0 * random.uint32()',
  },
  {
    name: 'a log that contradicts a snapshot is kept if it is as long',
    file: 'raft/snapshots.ts',
    right: 'if (!state.log.matches(meta.index, meta.term)) return true;',
    wrong: 'if (state.log.lastIndex < meta.index) return true;',
  },
  {
    name: 'a compacted log is taken for a whole one',
    file: 'raft/replication.ts',
    right: 'return index + 1 >= this.#log.firstIndex && this.#log.termAt(index) !== undefined;',
    wrong: 'return true;',
  },
  {
    name: 'a lost append is never noticed',
    file: 'raft/progress.ts',
    right: 'this.#match === this.#matchAtHeartbeat) this.#verifyDue = true;',
    wrong: 'this.#match === this.#matchAtHeartbeat) this.#verifyDue = false;',
  },
  {
    name: 'a lost probe is never sent again',
    file: 'raft/progress.ts',
    right: 'this.active = true;\n    this.#paused = false;',
    wrong: 'this.active = true;',
  },
  {
    name: 'a leader begins its term without an entry',
    file: 'raft/leading.ts',
    right: "  append(state, 'noop', NO_DATA);",
    wrong: '',
  },
];

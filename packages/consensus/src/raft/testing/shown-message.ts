import type { Entry, RaftMessage } from '../messages.ts';
import { shown } from './core-cluster.ts';

/** An entry as index@term and what it holds. */
export function shownEntry(entry: Entry): string {
  const held = entry.kind === 'command' ? `:${shown(entry)}` : entry.kind === 'noop' ? '' : `:${entry.kind}`;
  return `${entry.index}@${entry.term}${held}`;
}

type Details = {
  readonly [T in RaftMessage['type']]?: (message: Extract<RaftMessage, { type: T }>) => string;
};

/** What a message says besides its kind, its ends and its term, in few words. */
const DETAILS: Details = {
  requestVote: ({ lastIndex, lastTerm, pre }) => `log ${lastIndex}@${lastTerm}${pre ? ' pre' : ''}`,
  voteReply: ({ granted, campaignTerm, pre }) =>
    `${granted ? 'granted' : 'refused'} for t${campaignTerm}${pre ? ' pre' : ''}`,
  appendEntries: ({ prevIndex, prevTerm, entries, commitIndex }) =>
    `after ${prevIndex}@${prevTerm} [${entries.map(shownEntry).join(' ')}] commit ${commitIndex}`,
  appendReply: ({ success, matchIndex, rejectedIndex, hintIndex, hintTerm }) =>
    success ? `match ${matchIndex}` : `refused ${rejectedIndex}, try ${hintIndex}@${hintTerm}`,
  heartbeat: ({ commitIndex, readRound }) => `commit ${commitIndex}${roundOf(readRound)}`,
  heartbeatReply: ({ lastIndex, readRound }) => `last ${lastIndex}${roundOf(readRound)}`,
  readIndexReply: ({ readIndex }) => `index ${readIndex ?? 'unknown'}`,
  installSnapshot: ({ meta }) => `snapshot ${meta.index}@${meta.term}`,
  installSnapshotReply: ({ index, installed }) => `${index} ${installed ? 'installed' : 'not installed'}`,
};

const roundOf = (round: number): string => (round > 0 ? ` round ${round}` : '');

/** A message in one line. */
export function shownMessage(message: RaftMessage): string {
  const details = (DETAILS[message.type] as ((message: RaftMessage) => string) | undefined)?.(message);
  return `${message.from} > ${message.to}  ${message.type} t${message.term} ${details ?? ''}`.trimEnd();
}

import { assert, type LogIndex, logIndex, type Term } from '@tutti/kernel';
import type { LogView } from './log-view.ts';
import type { AppendEntries } from './messages.ts';

/** What became of an append: how far this log is now known to equal the leader's, or where to look next. */
export type AppendOutcome =
  | { readonly accepted: true; readonly verifiedIndex: LogIndex }
  | { readonly accepted: false; readonly hintIndex: LogIndex; readonly hintTerm: Term };

/**
 * A follower's half of log replication (Raft figure 2, AppendEntries, receiver's steps 2 to 4). An entry is dropped
 * only if it really conflicts: a late or repeated message that says less than the log holds changes nothing.
 */
export function acceptEntries(log: LogView, commitIndex: LogIndex, message: AppendEntries): AppendOutcome {
  const { prevIndex, prevTerm, entries } = message;
  const messageEnd = prevIndex + entries.length;
  // What is committed here is in the leader's log as well (leader completeness), compacted or not.
  if (messageEnd <= commitIndex) return { accepted: true, verifiedIndex: commitIndex };
  if (prevIndex >= commitIndex && !log.matches(prevIndex, prevTerm)) {
    const hint = log.lastWithTermAtMost(prevIndex, prevTerm);
    return { accepted: false, hintIndex: hint.index, hintTerm: hint.term };
  }
  let at = Math.max(0, commitIndex - prevIndex);
  while (at < entries.length && log.matches(entries[at]!.index, entries[at]!.term)) at++;
  if (at < entries.length) {
    const firstNew = entries[at]!.index;
    if (firstNew <= log.lastIndex) {
      assert(firstNew > commitIndex, 'a committed entry is never replaced');
      log.truncateFrom(firstNew);
    }
    for (; at < entries.length; at++) log.append(entries[at]!);
  }
  return { accepted: true, verifiedIndex: logIndex(messageEnd) };
}

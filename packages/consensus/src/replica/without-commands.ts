import type { RaftMessage } from '../raft/messages.ts';

/**
 * For a node whose log cannot grow: it takes no commands, and tells the leader how far it is, which tries again. What
 * leaders need to lead at all is small, and there is space for it.
 */
export function withoutCommands(message: RaftMessage): RaftMessage {
  if (message.type !== 'appendEntries') return message;
  const end = message.entries.findIndex(({ kind }) => kind === 'command');
  return end < 0 ? message : { ...message, entries: message.entries.slice(0, end) };
}

import { logIndex, nodeId, type SendOutcome, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { AppendEntries, Entry, RaftMessage } from '../raft/messages.ts';
import { Outbox } from './outbox.ts';
import { messageFromWire } from './wire.ts';

const self = nodeId('a');
const entry: Entry = { index: logIndex(2), term: term(1), kind: 'command', data: new Uint8Array(1) };

function append(to: string, commitIndex: number, entries: readonly Entry[] = []): AppendEntries {
  const at = { prevIndex: logIndex(1), prevTerm: term(1), term: term(1) };
  return {
    type: 'appendEntries',
    from: self,
    to: nodeId(to),
    ...at,
    entries,
    commitIndex: logIndex(commitIndex),
  };
}

/** An outbox whose links take what `outcome` says; what left, in short, and what the core was told. */
function watched(outcome: () => SendOutcome = () => 'queued') {
  const sent: string[] = [];
  const told: string[] = [];
  const outbox = new Outbox(
    {
      send: (to, _channel, wire) => {
        const message = messageFromWire(wire, self, to) as RaftMessage;
        const what = message.type === 'appendEntries' ? [message.entries.length, message.commitIndex] : [];
        sent.push([to, message.type, ...what].join(' '));
        return outcome();
      },
    },
    {
      unreachable: (peer) => void told.push(`unreachable ${peer}`),
      unsent: ({ to }) => void told.push(`unsent ${to}`),
    },
  );
  return { outbox, sent, told };
}

test('word of a commit waits for one turn and leaves at its end', () => {
  const { outbox, sent } = watched();
  outbox.sendAll([append('b', 1), append('c', 1)]);
  expect(outbox.endTurn()).toBe(true);
  expect(sent).toEqual([]);
  expect(outbox.endTurn()).toBe(false);
  expect(sent).toEqual(['b appendEntries 0 1', 'c appendEntries 0 1']);
  outbox.endTurn();
  expect(sent).toHaveLength(2);
});

test('entries that leave meanwhile take the word along', () => {
  const { outbox, sent } = watched();
  outbox.sendAll([append('b', 1), append('c', 1)]);
  outbox.endTurn();
  outbox.sendAll([append('b', 1, [entry])]);
  expect(outbox.endTurn()).toBe(false);
  expect(sent).toEqual(['b appendEntries 1 1', 'c appendEntries 0 1']);
});

test('newer word does not wait longer than the first would have', () => {
  const { outbox, sent } = watched();
  outbox.sendAll([append('b', 1)]);
  outbox.endTurn();
  outbox.sendAll([append('b', 2)]);
  expect(outbox.endTurn()).toBe(false);
  expect(sent).toEqual(['b appendEntries 0 2']);
});

test('what waits leaves when there is no next turn', () => {
  const { outbox, sent } = watched();
  outbox.sendAll([append('b', 1)]);
  outbox.close();
  expect(sent).toEqual(['b appendEntries 0 1']);
  expect(outbox.endTurn()).toBe(false);
});

test('what a link does not take is told, and nothing after it leaves for that peer', () => {
  const { outbox, sent, told } = watched(() => 'no-link');
  outbox.sendAll([append('b', 1, [entry]), append('b', 1, [entry]), append('c', 1)]);
  expect(sent).toEqual(['b appendEntries 1 1']);
  expect(told).toEqual(['unreachable b', 'unsent b']);
  outbox.endTurn();
  outbox.endTurn();
  expect(told.slice(2)).toEqual(['unreachable c', 'unsent c']);
});

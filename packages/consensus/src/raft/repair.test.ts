import { logIndex, nodeId, type Term, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { suiteEntries } from '../storage/log-store-suite.ts';
import type { Entry } from './messages.ts';
import { answerRepair, checksumOfEntries, isSound, type RepairReply, type RepairRequest } from './repair.ts';

/** A peer that holds these entries from 1 on. */
const peer = (entries: readonly Entry[], leads = false) => ({
  id: nodeId('b'),
  term: term(5),
  leads,
  log: {
    firstIndex: logIndex(1),
    lastIndex: logIndex(entries.length),
    snapshot: () => undefined,
    termAt: (index: number): Term | undefined => (index === 0 ? term(0) : entries[index - 1]?.term),
    entries: (from: number, to: number) => entries.slice(from - 1, to),
  },
});

/** Asks for what is between two entries. */
const request = (prev: [number, number], next: [number, number], wants: RepairRequest['wants'] = 'entries') =>
  ({
    type: 'repairRequest',
    from: nodeId('a'),
    to: nodeId('b'),
    id: 7,
    wants,
    prevIndex: logIndex(prev[0]),
    prevTerm: term(prev[1]),
    nextIndex: logIndex(next[0]),
    nextTerm: term(next[1]),
    offset: 0,
  }) as const;

const LOG = [...suiteEntries(1, 4, 1), ...suiteEntries(5, 8, 3)];

test('a peer fills a hole only if it holds the entry after it under its term (Log Matching)', () => {
  const indexes = ({ entries }: RepairReply) => entries.map(({ index }) => Number(index));
  expect(indexes(answerRepair(peer(LOG), request([2, 1], [6, 3]), 1e6))).toEqual([3, 4, 5]);
  expect(answerRepair(peer(LOG), request([2, 1], [6, 2]), 1e6).outcome).toBe('unknown');
  expect(answerRepair(peer(LOG), request([2, 1], [9, 3]), 1e6).outcome).toBe('unknown');
});

test('a peer whose entry before the hole is another says how far the logs can agree', () => {
  const answer = answerRepair(peer(LOG), request([5, 2], [7, 3]), 1e6);
  expect([answer.outcome, answer.hintIndex]).toEqual(['diverged', 4]);
});

test('only a leader says how a log went on', () => {
  expect(answerRepair(peer(LOG), request([4, 1], [0, 0], 'end'), 1e6).outcome).toBe('unknown');
  const answer = answerRepair(peer(LOG, true), request([4, 1], [0, 0], 'end'), 1e6);
  expect(answer.entries.map(({ index }) => Number(index))).toEqual([5, 6, 7, 8]);
});

test('an answer is believed only if nothing in it could not be so', () => {
  const asked = request([2, 1], [6, 3]);
  const sound = answerRepair(peer(LOG), asked, 1e6);
  expect(isSound(sound, asked)).toBe(true);
  const [first, second, third] = sound.entries as [Entry, Entry, Entry];
  const withEntries = (entries: readonly Entry[]) => ({
    ...sound,
    entries,
    checksum: checksumOfEntries(entries),
  });
  const garbled = { ...second, data: second.data.map((byte) => byte ^ 1) };
  const wrong: Record<string, RepairReply> = {
    'of another question': { ...sound, id: 8 },
    'from another peer': { ...sound, from: nodeId('c') },
    'damaged on its way': { ...sound, entries: [first, garbled, third] },
    'with a gap': withEntries([first, third]),
    'with a falling term': withEntries([{ ...first, term: term(2) }, second, third]),
    'of a term after the hole’s': withEntries([first, second, { ...third, term: term(4) }]),
    'beyond the hole': withEntries([...sound.entries, ...suiteEntries(6, 6, 3)]),
  };
  for (const [what, reply] of Object.entries(wrong)) expect(isSound(reply, asked), what).toBe(false);
});

import { logIndex, nodeId, TuttiError, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { encodeMembership } from '../raft/membership-codec.ts';
import type { Entry, Membership } from '../raft/messages.ts';
import type { LogStoreState } from '../storage/log-store.ts';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { KnownMembers } from './known-members.ts';

const names = (letters: string) => (letters.match(/./g) ?? []).map((letter) => nodeId(letter));
const group = (voters: string, learners = '', outgoing?: string): Membership => ({
  voters: names(voters),
  learners: names(learners),
  ...(outgoing === undefined ? {} : { outgoing: names(outgoing) }),
});
const entry = (index: number, membership?: Membership): Entry => ({
  index: logIndex(index),
  term: term(1),
  kind: membership ? 'membership' : 'command',
  data: membership ? encodeMembership(membership) : new Uint8Array(1),
});

/** What node `a` knows from a log of these entries, of which some are lost. */
function known(base: Membership, entries: readonly Entry[], lost: readonly number[]): string[] {
  const clock = new VirtualClock();
  const store = new MemoryLogStore(clock);
  let state: LogStoreState | undefined;
  store.open(() => {});
  store.append({ hardState: undefined, entries }, () => {});
  store.close(() => {});
  store.lose({ entries: lost });
  store.open((_, opened) => (state = opened));
  clock.advance(1);
  const members = new KnownMembers(nodeId('a'), base);
  members.learnFromLog(store, state!);
  return [members.otherVoters.toSorted().join(''), members.others.toSorted().join('')];
}

test('members of every configuration that can be read are known, between lost stretches and on both sides', () => {
  const log = [
    entry(1, group('abc', 'd')),
    entry(2),
    entry(3, group('abcd')),
    entry(4),
    entry(5, group('ae', 'g', 'abcd')),
    entry(6),
    entry(7, group('af')),
    entry(8),
  ];
  expect(known(group('ab'), log, [])).toEqual(['bcdef', 'bcdefg']);
  expect(known(group('ab'), log, [3, 4, 7])).toEqual(['bcde', 'bcdeg']);
  expect(known(group(''), log, [1, 3, 5])).toEqual(['f', 'f']);
  expect(known(group('ab'), log, [1, 2, 3, 4, 5, 6, 7])).toEqual(['b', 'b']);
});

test('an entry that is no configuration is refused with its code', () => {
  const broken = { ...entry(1, group('abc')), data: new Uint8Array([1]) };
  expect(() => known(group('ab'), [broken, entry(2)], [])).toThrow(TuttiError);
});

import { logIndex, term } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { encodeCommand, encodeOpening, onceNonce } from './command.ts';
import { OpeningGate } from './opening-gate.ts';
import { SessionTable } from './session-table.ts';

const nonceOf = (chance: number): string => onceNonce(`a/1/${chance}`);
const openingOf = (chance: number): Uint8Array => encodeOpening(nonceOf(chance), 10);

/** The gate of a leader in term 3, whose state is at entry 5 of that term. */
function leading() {
  const core = { term: term(3) };
  const applier = { index: logIndex(5), term: term(3) };
  const sessions = new SessionTable();
  return { core, applier, sessions, gate: new OpeningGate(core, applier, sessions) };
}

describe('an opening', () => {
  test('waits until its leader has applied an entry of its own term', () => {
    const { applier, gate } = leading();
    applier.term = term(2);
    expect(gate.mustWait(openingOf(1))).toBe(true);
    applier.term = term(3);
    expect(gate.mustWait(openingOf(1))).toBe(false);
  });

  test('is in the log once it was appended, and known when its session is', () => {
    const { applier, sessions, gate } = leading();
    expect(gate.has(openingOf(1))).toBe(false);
    gate.appended(openingOf(1), logIndex(6));
    expect([1, 2].map((chance) => gate.has(openingOf(chance)))).toEqual([true, false]);
    applier.index = logIndex(6);
    sessions.open(6, 10, nonceOf(1));
    expect(gate.has(openingOf(1))).toBe(true);
  });

  test('may come again when its session was forgotten', () => {
    const { applier, sessions, gate } = leading();
    gate.appended(openingOf(1), logIndex(6));
    applier.index = logIndex(7);
    sessions.open(6, 1, nonceOf(1));
    sessions.open(7, 1, nonceOf(2));
    expect([1, 2].map((chance) => gate.has(openingOf(chance)))).toEqual([false, true]);
  });

  test('that was appended in another term may be gone from the log', () => {
    const { core, applier, gate } = leading();
    gate.has(openingOf(1));
    gate.appended(openingOf(1), logIndex(6));
    core.term = term(5);
    applier.term = term(5);
    expect(gate.has(openingOf(1))).toBe(false);
  });
});

test('a command, and an opening of a node of the version before, neither wait nor are known', () => {
  const { applier, sessions, gate } = leading();
  applier.term = term(2);
  sessions.open(4, 10, 'b/1/77');
  const command = encodeCommand(new TextEncoder().encode('m'), new Uint8Array(1), 4, 1, 1);
  for (const frame of [command, encodeOpening('b/1/77', 10)]) {
    expect(gate.mustWait(frame)).toBe(false);
    gate.appended(frame, logIndex(6));
    expect(gate.has(frame)).toBe(false);
  }
});

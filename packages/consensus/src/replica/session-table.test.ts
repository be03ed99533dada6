import { TuttiError } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SessionTable } from './session-table.ts';

describe('the session table', () => {
  test('gives a repeated command its first result until the client has acknowledged it', () => {
    const table = new SessionTable();
    table.open(7, 10);
    expect(table.admit(7, 1, 1).verdict).toBe('new');
    table.record(7, 1, { result: 'first' });
    expect(table.admit(7, 1, 1)).toEqual({ verdict: 'repeated', outcome: { result: 'first' } });
    expect(table.admit(7, 2, 2).verdict).toBe('new');
    expect(table.admit(7, 1, 1).verdict).toBe('forgotten');
  });

  test('never applies a command late that its client has given up', () => {
    const table = new SessionTable();
    table.open(7, 10);
    expect(table.admit(7, 5, 5).verdict).toBe('new');
    expect(table.admit(7, 4, 4).verdict).toBe('forgotten');
  });

  test('keeps the results that are not acknowledged, in whatever order they came', () => {
    const table = new SessionTable();
    table.open(1, 10);
    for (const sequence of [3, 1, 2]) {
      expect(table.admit(1, sequence, 1).verdict).toBe('new');
      table.record(1, sequence, { result: sequence });
    }
    table.admit(1, 4, 3);
    expect(table.outcomeOf(1, 3)).toEqual({ result: 3 });
    expect(table.outcomeOf(1, 2)).toBeUndefined();
  });

  test('keeps what a table would keep that looks at every result every time', () => {
    const command = fc.record({
      sequence: fc.integer({ min: 1, max: 30 }),
      acked: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const table = new SessionTable();
        table.open(1, 10);
        let ackedBelow = 1;
        let kept = new Set<number>();
        for (const { sequence, acked } of commands) {
          ackedBelow = Math.max(ackedBelow, acked);
          kept = new Set([...kept].filter((one) => one >= ackedBelow));
          const expected = kept.has(sequence) ? 'repeated' : sequence < ackedBelow ? 'forgotten' : 'new';
          expect(table.admit(1, sequence, acked).verdict).toBe(expected);
          if (expected !== 'new') continue;
          table.record(1, sequence, { result: sequence });
          kept.add(sequence);
        }
        const [row] = [...table.capture()];
        expect(row!.slice(0, 2)).toEqual([1, ackedBelow]);
        expect(new Set(row![2].map(([sequence]) => sequence))).toEqual(kept);
      }),
    );
  });

  test('forgets the least recently used session first', () => {
    const table = new SessionTable();
    for (const id of [1, 2, 3]) table.open(id, 3);
    table.admit(1, 1, 1);
    table.open(4, 3);
    expect([1, 2, 3, 4].map((id) => table.has(id))).toEqual([true, false, true, true]);
    expect(table.admit(2, 1, 1).verdict).toBe('expired');
  });

  test('is the same after a snapshot, order of use and refusals included', () => {
    const table = new SessionTable();
    for (const id of [1, 2, 3]) table.open(id, 10);
    table.admit(1, 1, 1);
    table.record(1, 1, { refusal: new TuttiError('TUTTI_TIMEOUT', { what: 'It', timeoutMs: 5 }) });
    const copy = new SessionTable();
    copy.restore(JSON.parse(JSON.stringify([...table.capture()])));
    expect([...copy.capture()]).toEqual([...table.capture()]);
    copy.open(4, 3);
    expect([1, 2, 3, 4].map((id) => copy.has(id))).toEqual([true, false, true, true]);
    const outcome = copy.outcomeOf(1, 1);
    expect(outcome && 'refusal' in outcome && outcome.refusal.code).toBe('TUTTI_TIMEOUT');
  });
});

describe('the opening of a session', () => {
  test('is known as long as the session is, in its snapshot as well', () => {
    const table = new SessionTable();
    for (const id of [1, 2]) table.open(id, 2, `nonce ${id}`);
    const copy = new SessionTable();
    copy.restore(JSON.parse(JSON.stringify([...table.capture()])));
    for (const each of [table, copy]) {
      expect(['nonce 1', 'nonce 2', 'nonce 3'].map((nonce) => each.sessionOf(nonce))).toEqual([
        1,
        2,
        undefined,
      ]);
      each.record(2, 1, { result: 'kept' });
      each.open(3, 2, 'nonce 3');
      expect(['nonce 1', 'nonce 2', 'nonce 3'].map((nonce) => each.sessionOf(nonce))).toEqual([
        undefined,
        2,
        3,
      ]);
      expect(each.namesAll).toBe(true);
    }
  });

  test('is not told by a snapshot of the version before, which is read, and written as it was', () => {
    const rows = [
      [4, 2, [[2, true, 'kept']]],
      [6, 1, []],
    ] as const;
    const table = new SessionTable();
    table.restore(rows);
    expect([...table.capture()]).toEqual(rows);
    expect(table.namesAll).toBe(false);
    expect(table.admit(4, 2, 2)).toEqual({ verdict: 'repeated', outcome: { result: 'kept' } });
  });

  test('changes nothing of what entries do, with or without copies: nodes of the version before come to the same', () => {
    const step = fc.oneof(
      fc.record({ nonce: fc.constantFrom('x', 'y', 'z') }),
      fc.record({ session: fc.integer({ min: 1, max: 30 }), sequence: fc.integer({ min: 1, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const [now, before] = [new SessionTable(), new SessionTable()];
        for (const [i, each] of steps.entries()) {
          if ('nonce' in each) {
            now.open(i + 1, 4, each.nonce);
            before.open(i + 1, 4);
            continue;
          }
          const { session, sequence } = each;
          const verdicts = [now, before].map((table) => {
            const { verdict } = table.admit(session, sequence, 1);
            if (verdict === 'new') table.record(session, sequence, { result: i });
            return verdict;
          });
          expect(verdicts[0]).toBe(verdicts[1]);
        }
        expect([...now.capture()].map((row) => row.slice(0, 3))).toEqual([...before.capture()]);
      }),
    );
  });
});

test('what was captured does not show what became of the sessions since', () => {
  const table = new SessionTable();
  for (const id of [1, 2, 3]) table.open(id, 3);
  for (const id of [1, 2, 3]) table.record(id, 1, { result: id });
  const expected = JSON.stringify([...table.capture()]);
  const captured = table.capture();
  table.admit(2, 2, 2);
  table.record(2, 2, { result: 'late' });
  table.record(1, 3, { result: 'late' });
  table.open(9, 3);
  expect(JSON.stringify([...captured])).toBe(expected);
  expect(table.outcomeOf(2, 2)).toEqual({ result: 'late' });
});

import { describe, expect, test } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import { createTestSystem } from '../testing/test-system.ts';
import type { MailboxOverflow } from './mailbox-options.ts';

function flood(overflow: MailboxOverflow) {
  const { system, advance } = createTestSystem();
  const seen: string[] = [];
  const logic = fromTransition((_: undefined, event: EventObject) => void seen.push(event.type), undefined);
  const ref = system.spawn(logic, { mailbox: { limit: 4, overflow } });
  advance();
  for (let i = 0; i < 10; i++) ref.send({ type: String(i) });
  const asked = ref.ask({ type: 'asked' }, { timeoutMs: 100 }).catch((error: { code: string }) => error.code);
  advance(1_000);
  return { seen, asked, counts: system.deadLetters.counts() };
}

describe('a full mailbox of four gets eleven messages, the last of them an ask', () => {
  test('drop-new keeps the first four, and the ask runs into its deadline', async () => {
    const { seen, asked, counts } = flood('drop-new');
    expect(seen).toEqual(['0', '1', '2', '3']);
    expect(counts).toMatchObject({ 'overflow-new': 7, 'overflow-old': 0 });
    expect(await asked).toBe('TUTTI_ASK_TIMEOUT');
  });

  test('drop-old keeps the last four', () => {
    const { seen, counts } = flood('drop-old');
    expect(seen).toEqual(['7', '8', '9', 'asked']);
    expect(counts).toMatchObject({ 'overflow-new': 0, 'overflow-old': 7 });
  });

  test('reject keeps the first four and tells who asked', async () => {
    const { seen, asked, counts } = flood('reject');
    expect(seen).toEqual(['0', '1', '2', '3']);
    expect(counts).toMatchObject({ 'overflow-new': 7 });
    expect(await asked).toBe('TUTTI_OVERLOADED');
  });

  test('whatever the policy, delivered and dead letters add up, and a stop is not among them', async () => {
    for (const overflow of ['drop-new', 'drop-old', 'reject'] as const) {
      const { system, advance } = createTestSystem();
      let delivered = 0;
      const logic = fromTransition((_: undefined, event: EventObject) => {
        if (event.type === 'work') delivered++;
        return undefined;
      }, undefined);
      const ref = system.spawn(logic, { mailbox: { limit: 100, overflow } });
      for (let i = 0; i < 1_000; i++) ref.send({ type: 'work' });
      const stopped = ref.stop();
      advance();
      await stopped;
      const { 'overflow-new': newest, 'overflow-old': oldest } = system.deadLetters.counts();
      expect([delivered, delivered + newest + oldest]).toEqual([100, 1_000]);
    }
  });
});

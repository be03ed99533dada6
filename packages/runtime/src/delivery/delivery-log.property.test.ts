import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHANNELS_MAX, DELIVERY, type DeliveryEvent, DeliveryLog, isDelivery } from './delivery-log.ts';

const delivery = (channel: string, number: number, base: number, isAgain = false): DeliveryEvent => ({
  type: DELIVERY,
  channel,
  number,
  base,
  isAgain,
  event: { type: 'work' },
});

const step = fc.record({
  channel: fc.constantFrom('a', 'b', 'c'),
  number: fc.integer({ min: 1, max: 8 }),
  /** How far below the number the sender's oldest unconfirmed one is. */
  behind: fc.integer({ min: 0, max: 7 }),
  isRestored: fc.boolean(),
});

describe('a log of deliveries', () => {
  test('handles every number once and in order, whatever comes again or too early, restored or not', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let log = new DeliveryLog();
        const handled: Record<string, number[]> = { a: [], b: [], c: [] };
        for (const { channel, number, behind, isRestored } of steps) {
          const one = handled[channel]!;
          // A true sender goes on from a number only when everything below it was handled.
          const base = Math.min(Math.max(1, number - behind), (one.at(-1) ?? 0) + 1);
          const fate = log.judge(delivery(channel, number, base, true));
          const expected = (one.at(-1) ?? 0) + 1;
          expect(fate).toBe(number < expected ? 'duplicate' : number === expected ? 'handled' : 'ahead');
          if (fate === 'handled') {
            one.push(number);
            log.accept(delivery(channel, number, base));
          }
          expect(log.receipt(delivery(channel, number, base), fate).upTo).toBe(one.at(-1) ?? 0);
          if (isRestored) {
            const stored = JSON.parse(
              JSON.stringify(DeliveryLog.keepIn({ status: 'active' }, log)),
            ) as object;
            const taken = DeliveryLog.takeFrom(stored);
            expect(taken.persisted).toEqual({ status: 'active' });
            log = taken.log ?? new DeliveryLog();
          }
        }
        for (const numbers of Object.values(handled)) expect(numbers).toEqual(numbers.map((_, i) => i + 1));
      }),
    );
  });

  test('goes on after numbers that the sender has given up', () => {
    const log = new DeliveryLog();
    log.accept(delivery('a', 1, 1));
    expect(log.judge(delivery('a', 4, 3))).toBe('ahead');
    expect(log.judge(delivery('a', 4, 4))).toBe('handled');
    expect(log.judge(delivery('new', 7, 7))).toBe('handled');
  });

  test('is bounded, and says of a channel it forgot that it cannot know', () => {
    let log = new DeliveryLog();
    for (let i = 0; i < CHANNELS_MAX; i++) log.accept(delivery(`c${i}`, 1, 1));
    expect(log.judge(delivery('c0', 1, 1, true))).toBe('duplicate');
    log.accept(delivery('one more', 1, 1));
    log = DeliveryLog.takeFrom(DeliveryLog.keepIn({}, log)).log!;
    expect(log.judge(delivery('c0', 1, 1, true))).toBe('expired');
    expect(log.judge(delivery('c0', 2, 2))).toBe('expired');
    expect(log.judge(delivery('c1', 1, 1, true))).toBe('duplicate');
    expect(log.judge(delivery('first message', 1, 1))).toBe('handled');
  });

  test('does not count a message whose transition failed', () => {
    const log = new DeliveryLog();
    log.arrive(delivery('a', 1, 1));
    log.settle();
    expect(log.arrived()).toBe(false);
    expect(log.judge(delivery('a', 1, 1))).toBe('handled');
    log.arrive(delivery('a', 1, 1));
    expect(log.arrived()).toBe(true);
    expect(log.judge(delivery('a', 1, 1))).toBe('duplicate');
  });

  test('leaves the snapshot of an actor that nobody sends numbered messages as it is', () => {
    const snapshot = { status: 'active' };
    expect(DeliveryLog.keepIn(snapshot, undefined)).toBe(snapshot);
    expect(DeliveryLog.keepIn(snapshot, new DeliveryLog())).toBe(snapshot);
    expect(DeliveryLog.takeFrom(undefined)).toEqual({ persisted: undefined, log: undefined });
  });

  test.each([
    { number: 0 },
    { base: 0 },
    { base: 3, number: 2 },
    { channel: 7 },
    { number: 1.5 },
    { event: 'text' },
    { event: { type: DELIVERY } },
  ])('does not take %o for a delivery', (wrong) => {
    expect(isDelivery({ ...delivery('a', 2, 1), ...wrong })).toBe(false);
  });
});

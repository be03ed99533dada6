import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from './system-clock.ts';
import { runVirtual, VirtualClock } from './virtual-clock.ts';

describe('a virtual clock', () => {
  it('fires timers in the order of instant, then of setting, and never a cancelled one', () => {
    const timer = fc.record({ delayMs: fc.nat(20), isCancelled: fc.boolean() });
    fc.assert(
      fc.property(fc.array(timer, { maxLength: 60 }), (timers) => {
        const clock = new VirtualClock();
        const fired: number[] = [];
        timers.forEach(({ delayMs, isCancelled }, i) => {
          const set = clock.setTimer(delayMs, () => fired.push(i));
          if (isCancelled) clock.clearTimer(set);
        });
        while (clock.step());
        const expected = timers
          .map((given, i) => ({ ...given, i }))
          .filter(({ isCancelled }) => !isCancelled)
          .sort((a, b) => a.delayMs - b.delayMs || a.i - b.i);
        expect(fired).toEqual(expected.map(({ i }) => i));
        expect(clock.nextAt()).toBeUndefined();
      }),
    );
  });

  it('stands at the instant of the timer that fires, and ends an advance exactly where told', () => {
    const clock = new VirtualClock(1_000);
    const seen: number[] = [];
    clock.setTimer(5, () => {
      seen.push(clock.now());
      clock.setTimer(5, () => seen.push(clock.now()));
      clock.setTimer(6, () => seen.push(clock.now()));
    });
    clock.advance(10);
    expect(seen).toEqual([5, 10]);
    expect([clock.now(), clock.wallTime(), clock.nextAt()]).toEqual([10, 1_010, 11]);
  });

  it('takes the next turn after what is due already, and a negative delay as none', () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.setTimer(-5, () => order.push('timer'));
    clock.nextTurn(() => {
      order.push('turn');
      clock.nextTurn(() => order.push('turn after it'));
    });
    clock.setTimer(0, () => order.push('later timer'));
    clock.advance(0);
    expect(order).toEqual(['timer', 'turn', 'later timer', 'turn after it']);
  });

  it('takes no end of time for never, and refuses a delay that is no number', () => {
    const clock = new VirtualClock();
    const never = clock.setTimer(Infinity, () => expect.unreachable());
    expect(clock.nextAt()).toBeUndefined();
    expect(clock.step()).toBe(false);
    clock.clearTimer(never);
    expect(() => clock.setTimer(Number.NaN, () => {})).toThrow('a delay is a number');
  });

  it('does not go back when an action advances it beyond the end of an advance', () => {
    const clock = new VirtualClock();
    clock.setTimer(1, () => clock.advance(100));
    clock.advance(10);
    expect(clock.now()).toBe(101);
  });

  it('forgives clearing a timer twice or after it fired', () => {
    const clock = new VirtualClock();
    let count = 0;
    const timer = clock.setTimer(1, () => count++);
    clock.advance(1);
    clock.clearTimer(timer);
    clock.clearTimer(timer);
    clock.advance(10);
    expect(count).toBe(1);
  });

  it('lets promises settle between timers, and stops at the limit', async () => {
    const clock = new VirtualClock();
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
    let rounds = 0;
    const loop = (async () => {
      while (rounds < 5) {
        await sleep(10);
        rounds++;
      }
    })();
    await runVirtual(clock, () => rounds === 3);
    expect([rounds, clock.now()]).toEqual([3, 30]);
    await runVirtual(clock, () => false, 15);
    await runVirtual(clock, () => false);
    await loop;
    expect([rounds, clock.now()]).toEqual([5, 50]);
  });
});

describe('the system clock', () => {
  it('keeps delays that are longer than the platform can, and never fires one without end', () => {
    vi.useFakeTimers();
    const fired: string[] = [];
    const days = (count: number) => count * 86_400_000;
    systemClock.setTimer(days(60), () => fired.push('60 days'));
    const cleared = systemClock.setTimer(days(60), () => fired.push('cleared'));
    systemClock.setTimer(Infinity, () => fired.push('never'));
    vi.advanceTimersByTime(days(40));
    systemClock.clearTimer(cleared);
    vi.advanceTimersByTime(days(20) - 1);
    expect(fired).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(fired).toEqual(['60 days']);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('takes a negative delay as none, of which the platform would warn', () => {
    const platform = vi.spyOn(globalThis, 'setTimeout');
    systemClock.clearTimer(systemClock.setTimer(-0.5, () => {}));
    expect(platform.mock.calls.map(([, delayMs]) => delayMs)).toEqual([0]);
    platform.mockRestore();
  });

  it('does not go back, and takes the next turn before a timer that is set in it', async () => {
    const before = systemClock.now();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      const cancelled = systemClock.setTimer(0, () => order.push('cancelled'));
      systemClock.clearTimer(cancelled);
      systemClock.nextTurn(() => {
        order.push('turn');
        systemClock.setTimer(0, () => {
          order.push('timer');
          resolve();
        });
      });
    });
    expect(order).toEqual(['turn', 'timer']);
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    expect(systemClock.wallTime()).toBeGreaterThan(Date.UTC(2020, 0));
  });
});

import { describe, expect, it } from 'vitest';
import { InspectedCells, SENT_MAX } from './xstate-inspected.ts';
import type { HostingCell } from './xstate-self.ts';

const TICK = Object.freeze({ type: 'tick' });

/** Sends one event object from numbered sources, and handles it. */
function bench() {
  const sources: unknown[] = [];
  const recorders = {
    inspect: true,
    inspected: ({ sourceRef }: { sourceRef: unknown }) => sources.push(sourceRef),
  };
  const cells = new InspectedCells({ recorders, selfOf: () => ({}) } as never);
  const cell = { isGuardian: false } as HostingCell;
  let sent = 0;
  return {
    /** The senders that were shown since it was asked last. */
    shown: () => sources.splice(0),
    send: (times: number, isShown = false) => {
      for (let n = 0; n < times; n++) cells.sends(++sent, TICK, isShown);
    },
    handle: (times: number) => {
      for (let n = 0; n < times; n++) cells.event(cell, TICK);
    },
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const none = (length: number) => Array.from({ length }, () => undefined);

describe('the sender of an event that is shown when it is handled', () => {
  it('is known of a stated number of sendings of one object that are on their way, the first', () => {
    const { send, handle, shown } = bench();
    send(SENT_MAX + 10);
    handle(SENT_MAX + 10);
    expect(shown()).toEqual([...numbers(1, SENT_MAX), ...none(10)]);
    send(1);
    handle(1);
    expect(shown(), 'all before it have been handled').toEqual([SENT_MAX + 11]);
  });

  it('is not that of another sending when more are sent before those beyond the bound were handled', () => {
    const { send, handle, shown } = bench();
    send(SENT_MAX + 2);
    handle(10);
    expect(shown()).toEqual(numbers(1, 10));
    send(10);
    handle(SENT_MAX + 2);
    expect(shown()).toEqual([...numbers(11, SENT_MAX), ...none(12)]);
  });

  it('and what was shown when it was sent is not shown again, nor anything else left out in its place', () => {
    const { send, handle, shown } = bench();
    send(1, true);
    send(SENT_MAX);
    handle(SENT_MAX + 1);
    expect(shown()).toEqual([...numbers(2, SENT_MAX), undefined]);
  });
});

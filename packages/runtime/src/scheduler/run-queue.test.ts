import { type Clock, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { RunQueue } from './run-queue.ts';
import type { Turn } from './turn.ts';

const FAST_MS = 0.000_05;
/** One look for each 64 messages, and those before the stride has grown to that. */
const LOOKS_MAX = 16_384 / 64 + 6;

/** A queue whose turns are run one by one, on a clock that goes on only while messages are handled. */
function world(turnMs = 10, quantum = 64) {
  const turns: (() => void)[] = [];
  const seen = { handled: 0, ms: 0, looks: 0 };
  const clock: Clock = Object.assign(new VirtualClock(), {
    now: () => {
      seen.looks++;
      return seen.ms;
    },
    nextTurn: (action: () => void) => turns.push(action),
  });
  const queue = new RunQueue({ clock, limit: 1_024, quantum, turnMs });
  /** An actor with so many messages waiting. @param takesMs What each of them takes, by its number from 0 */
  const add = (messages: number, takesMs: (message: number) => number) => {
    let begun = 0;
    const actor = {
      isQueued: false,
      isSlow: false,
      get isReady() {
        return begun < messages;
      },
      run(turn: Turn) {
        let done = 0;
        let most = turn.enter(actor.isSlow);
        while (actor.isReady && (done < most || done < (most = turn.more(done)))) {
          seen.ms += takesMs(begun++);
          seen.handled++;
          done++;
        }
        expect(done).toBeLessThanOrEqual(quantum);
        return done;
      },
    };
    queue.ready(actor);
  };
  /** Runs the next turn: how many messages it handled, how long it took, and how often it looked at the clock. */
  const turn = () => {
    const before = { ...seen };
    turns.shift()!();
    return {
      handled: seen.handled - before.handled,
      ms: seen.ms - before.ms,
      looks: seen.looks - before.looks,
    };
  };
  return { add, turn, turns };
}

describe('a turn of the event loop', () => {
  it('ends in its time though one actor has more to do: the first after ten messages, the others after two', () => {
    const { add, turn } = world();
    add(128, () => 8);
    expect(turn()).toMatchObject({ handled: 10, ms: 80 });
    for (let i = 0; i < 59; i++) expect(turn()).toMatchObject({ handled: 2, ms: 16 });
  });

  it('ends in its time though each of many actors has one message', () => {
    const { add, turn } = world();
    for (let i = 0; i < 64; i++) add(1, () => 50);
    expect(turn()).toMatchObject({ handled: 9, ms: 450 });
    for (let i = 0; i < 55; i++) expect(turn()).toMatchObject({ handled: 1, ms: 50 });
  });

  it('finds a slow actor among fast ones after eight messages, and from then on after each', () => {
    const { add, turn } = world();
    add(Infinity, () => FAST_MS);
    add(64, () => 20);
    expect(turn()).toMatchObject({ handled: 64 + 8 });
    for (let i = 0; i < 56; i++) expect(turn()).toMatchObject({ handled: 64 + 1 });
  });

  it('exceeds its time by a few messages where every eighth is slow', () => {
    const { add, turn } = world();
    add(1_000, (message) => (message % 8 === 7 ? 8 : FAST_MS));
    for (let i = 0; i < 40; i++) expect(turn().ms).toBeLessThan(25);
  });

  it('looks at the clock once for 64 fast messages, and not at all for three', () => {
    const { add, turn } = world();
    add(3, () => FAST_MS);
    expect(turn()).toMatchObject({ handled: 3, looks: 0 });
    for (let i = 0; i < 4; i++) add(Infinity, () => FAST_MS);
    const { handled, looks } = turn();
    expect(handled).toBe(16_384);
    expect(looks).toBeLessThan(LOOKS_MAX);
  });

  it('looks that seldom again when messages are fast again', () => {
    const { add, turn } = world();
    add(Infinity, (message) => (message < 20 ? 5 : FAST_MS));
    while (turn().handled < 16_384);
    expect(turn().looks).toBeLessThan(LOOKS_MAX);
  });

  it('goes on, by a message at least, where there is no time for any', () => {
    const { add, turn, turns } = world(0, 1);
    add(20, () => 1);
    while (turns.length > 0) expect(turn().handled).toBeGreaterThan(0);
  });

  it('ends after many messages though the clock stands still', () => {
    const { add, turn } = world(Infinity);
    for (let i = 0; i < 4; i++) add(Infinity, () => 0);
    expect(turn().handled).toBe(16_384);
  });
});

import { VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { NodeClock } from './node-clock.ts';

function paused() {
  const world = new VirtualClock();
  const clock = new NodeClock(world, { skewMs: 0, rate: 1 });
  const done: string[] = [];
  const act = (name: string) => (): void => void done.push(name);
  clock.pause();
  return { world, clock, done, act };
}

describe('a node that goes on after a pause, turn by turn', () => {
  it('does what waited in its order, and behind it what the first of it brings about at once', () => {
    const { world, clock, done, act } = paused();
    clock.run(() => {
      done.push('first');
      clock.run(act('caused'));
    });
    clock.run(act('second'));
    clock.resumeInTurns();
    clock.run(act('meanwhile'));
    expect(done).toEqual([]);
    expect(clock.paused).toBe(false);
    world.advance(0);
    expect(done).toEqual(['first', 'second', 'meanwhile', 'caused']);
    clock.run(act('at once'));
    expect(done.at(-1)).toBe('at once');
  });

  it('keeps what is left of it when it is paused again, and forgets it when it dies', () => {
    const { world, clock, done, act } = paused();
    clock.run(() => {
      done.push('first');
      clock.pause();
    });
    clock.run(act('second'));
    clock.resumeInTurns();
    world.advance(0);
    expect(done).toEqual(['first']);
    expect(clock.paused).toBe(true);
    clock.resumeInTurns();
    world.advance(0);
    expect(done).toEqual(['first', 'second']);
    clock.pause();
    clock.run(act('third'));
    clock.resumeInTurns();
    clock.kill();
    world.advance(0);
    expect(done).toEqual(['first', 'second']);
  });
});

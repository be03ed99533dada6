import { silentLogger, TuttiError, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { KeepAlive } from './keep-alive.ts';
import { Refusals } from './refusals.ts';
import { Tally } from './tally.ts';

describe('keep-alive', () => {
  it('declares a link dead at the tick after the allowed number went unanswered', () => {
    const keepAlive = new KeepAlive(2);
    expect([keepAlive.tick(), keepAlive.tick(), keepAlive.tick()]).toEqual(['ping', 'ping', 'dead']);
  });

  it('starts to count anew whenever the peer is heard', () => {
    const keepAlive = new KeepAlive(1);
    for (let i = 0; i < 10; i++) {
      expect(keepAlive.tick()).toBe('ping');
      keepAlive.heard();
    }
  });
});

describe('refusals', () => {
  it('are all counted, and logged once a minute for each peer and reason', () => {
    const clock = new VirtualClock();
    const tally = new Tally();
    const lines: string[] = [];
    const note = (_: object, message: string) => void lines.push(message);
    const refusals = new Refusals(clock, tally, { ...silentLogger, warn: note, error: note });
    const error = new TuttiError('TUTTI_PEER_WRONG_CLUSTER', { nodeId: 'b', theirs: 'x', ours: 'y' });
    for (let i = 0; i < 100; i++) refusals.note(error, 'b', false);
    refusals.note(error, 'c', false);
    expect(lines).toHaveLength(2);
    clock.advance(60_000);
    refusals.note(error, 'b', false);
    expect(lines).toHaveLength(3);
    expect(tally.snapshot().rejected).toEqual({ TUTTI_PEER_WRONG_CLUSTER: 102 });
  });
});

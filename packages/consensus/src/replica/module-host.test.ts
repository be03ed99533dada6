import { jsonCodec, logIndex, silentLogger, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { Entry } from '../raft/messages.ts';
import { encodeCommand, encodeOpening, stamped } from './command.ts';
import { ModuleHost, type OutcomeListener } from './module-host.ts';
import { CounterModule } from './testing/replica-cluster.ts';

const silent: OutcomeListener = { commandApplied() {}, sessionOpened() {} };

function hostWith(module: CounterModule): (data: Uint8Array, timeMs: number) => ModuleHost {
  const host = new ModuleHost(jsonCodec, silentLogger);
  host.register(module);
  let index = 0;
  return (data, timeMs) => {
    const entry: Entry = {
      index: logIndex(++index),
      term: term(1),
      kind: 'command',
      data: stamped(data, timeMs),
    };
    host.apply(entry, silent);
    return host;
  };
}

const add = (sequence: number): Uint8Array =>
  encodeCommand(new TextEncoder().encode('counter'), jsonCodec.encode({ add: 'x', by: 1 }), 1, sequence, 1);

test('the time of the log never goes back, even when a new leader has an earlier clock', () => {
  const module = new CounterModule();
  const apply = hostWith(module);
  apply(encodeOpening('me', 10), 1000);
  for (const [i, timeMs] of [1100, 900, 1050, 1200].entries()) apply(add(i + 1), timeMs);
  expect(module.times).toEqual([1100, 1100, 1100, 1200]);
});

test('what is captured does not show later commands, though its parts are built after them', () => {
  const module = new CounterModule();
  const apply = hostWith(module);
  const host = apply(encodeOpening('me', 10), 1);
  apply(add(1), 2);
  const captured = host.capture();
  apply(add(2), 3);
  expect([...captured.modules[0]!.parts]).toEqual([{ counts: { x: 1 } }, { history: ['x'] }]);
  expect([...captured.sessions]).toEqual([[1, 1, [[1, true, 1]], 'me']]);
});

test('bytes that are no value are refused like a bad command', () => {
  const module = new CounterModule();
  const apply = hostWith(module);
  const host = apply(encodeOpening('me', 10), 1);
  apply(encodeCommand(new TextEncoder().encode('counter'), new Uint8Array([255]), 1, 1, 1), 2);
  const outcome = host.sessions.outcomeOf(1, 1);
  expect(outcome && 'refusal' in outcome && outcome.refusal.code).toBe('TUTTI_CODEC_INVALID');
});

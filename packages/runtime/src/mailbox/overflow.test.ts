import { describe, expect, test } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import type { HostingCell, Signal } from '../actor/xstate-self.ts';
import { LocalRef } from '../system/local-ref.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { MailboxOptions, MailboxOverflow } from './mailbox-options.ts';

function flood(overflow: MailboxOverflow, more: MailboxOptions = {}) {
  const { system, advance } = createTestSystem();
  const seen: string[] = [];
  const logic = fromTransition((_: undefined, event: EventObject) => void seen.push(event.type), undefined);
  const ref = system.spawn(logic, { mailbox: { limit: 4, overflow, ...more } });
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

  test('defer keeps all of them in order, up to its own bound, and tells who asked beyond that', async () => {
    const all = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'asked'];
    expect(flood('defer').seen).toEqual(all);
    const { seen, asked, counts } = flood('defer', { deferLimit: 3 });
    expect(seen).toEqual(all.slice(0, 7));
    expect(counts).toMatchObject({ 'overflow-new': 4 });
    expect(await asked).toBe('TUTTI_OVERLOADED');
  });

  test('whatever the policy, delivered and dead letters add up, and a stop is not among them', async () => {
    for (const overflow of ['drop-new', 'drop-old', 'reject', 'defer'] as const) {
      const { system, advance } = createTestSystem();
      let delivered = 0;
      const logic = fromTransition((_: undefined, event: EventObject) => {
        if (event.type === 'work') delivered++;
        return undefined;
      }, undefined);
      const ref = system.spawn(logic, { mailbox: { limit: 100, overflow, deferLimit: 50 } });
      for (let i = 0; i < 1_000; i++) ref.send({ type: 'work' });
      const stopped = ref.stop();
      advance();
      await stopped;
      const { 'overflow-new': newest, 'overflow-old': oldest } = system.deadLetters.counts();
      expect([delivered, delivered + newest + oldest]).toEqual([overflow === 'defer' ? 150 : 100, 1_000]);
    }
  });
});

test('a limit that is no limit, an unknown policy and lanes that cannot be are refused', () => {
  const { system } = createTestSystem();
  const logic = fromTransition(() => undefined, undefined);
  const bad: MailboxOptions[] = [
    { limit: 0 },
    { limit: Number.NaN },
    { limit: 1.5 },
    { deferLimit: -1 },
    { stashLimit: 0.5 },
    { overflow: 'drop-head' as MailboxOverflow },
    { priority: { lanes: 1, laneOf: () => 0 } },
    { priority: { lanes: 2, laneOf: () => 0, starvationBound: 0 } },
  ];
  for (const mailbox of bad)
    expect(() => system.spawn(logic, { mailbox })).toThrow(
      expect.objectContaining({ code: 'TUTTI_OPTION_INVALID' }),
    );
  expect(system.actorCount).toBe(0);
  system.spawn(logic, { mailbox: { limit: Infinity } });
});

type Work = EventObject & { readonly n?: number };
const work = (n: number): EventObject => ({ type: 'work', n }) as EventObject;

/** Notes what it is sent, and fails when told. */
const sink = (seen: number[]) =>
  fromTransition((_: undefined, event: Work) => {
    if (event.type === 'fail') throw new Error('down for a while');
    if (event.n !== undefined) seen.push(event.n);
    return undefined;
  }, undefined);

const passOn = (target: Ref) =>
  fromTransition((_: undefined, event: Work) => {
    if (event.n !== undefined) target.send(event);
    return undefined;
  }, undefined);

describe('the sender under defer', () => {
  test('handles no further message until there is room, and then goes on where it was', () => {
    const { system, advance } = createTestSystem();
    const seen: number[] = [];
    const receiver: Ref = system.spawn(sink(seen), {
      mailbox: { limit: 4, overflow: 'defer' },
      supervise: { backoff: { initialMs: 100, jitter: 0 } },
    });
    const sender: Ref = system.spawn(passOn(receiver));
    receiver.send({ type: 'fail' });
    advance();
    for (let n = 0; n < 20; n++) sender.send(work(n));
    advance(50);
    expect(system.tree().map(({ mailboxDepth }) => mailboxDepth)).toEqual([5, 15]);
    advance(50);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(system.deadLetters.counts()).toMatchObject({ 'overflow-new': 0, 'stash-full': 0 });
  });

  test('is let go when the receiver is gone, and when it is itself told to stop', async () => {
    const { system, advance } = createTestSystem();
    // Whoever waits for a commit that never comes handles nothing.
    const keeper = { restore: () => undefined, commit: () => new Promise<void>(() => {}) };
    const stuck = { keeper, mailbox: { limit: 1, overflow: 'defer' } } as const;
    const first: Ref = system.spawn(sink([]), stuck);
    const second: Ref = system.spawn(sink([]), stuck);
    const one: Ref = system.spawn(passOn(first));
    const two: Ref = system.spawn(passOn(second));
    for (let n = 0; n < 5; n++) for (const ref of [one, two]) ref.send(work(n));
    advance();
    const depths = () => system.tree().map(({ mailboxDepth }) => mailboxDepth);
    expect(depths()).toEqual([2, 2, 3, 3]);
    void first.stop();
    advance(5_000); // its deadline
    const stopped = two.stop();
    advance();
    await stopped;
    expect(depths()).toEqual([5, 0]);
    // Two waited at the first, and three came when it was gone.
    expect(system.deadLetters.counts()).toMatchObject({ stopped: 2, 'unknown-actor': 3 });
  });

  test('is not held for its own mailbox, nor in a ring of full ones', () => {
    const { system, advance } = createTestSystem();
    let handled = 0;
    const refs: Ref[] = [];
    const spread = fromTransition((_: undefined, { n = 0 }: Work) => {
      handled++;
      if (n > 0) for (const ref of refs) ref.send(work(n - 1));
      return undefined;
    }, undefined);
    const mailbox = { limit: 1, overflow: 'defer', deferLimit: 10_000 } as const;
    for (let i = 0; i < 3; i++) refs.push(system.spawn(spread, { mailbox }));
    refs[0]!.send(work(6));
    advance();
    expect(handled).toBe((3 ** 7 - 1) / 2);
  });
});

describe('what is undelivered is said, but not without end', () => {
  test('five lines of a reason in ten seconds, and the next one says how many it left out', () => {
    const lines: object[] = [];
    const note = (fields: object, message: string) => void lines.push({ ...fields, message });
    const logger = { debug: note, info: note, warn: note, error: note };
    const { system, advance } = createTestSystem({ logger });
    const nobody = system.ref('local:test/1/nobody');
    const full = system.spawn(
      fromTransition(() => undefined, undefined),
      { id: 'full', mailbox: { limit: 1 } },
    );
    for (let i = 0; i < 100; i++) nobody.send({ type: 'hello' });
    for (let i = 0; i < 4; i++) full.send({ type: 'hello' });
    expect(lines).toHaveLength(5 + 3);
    expect(lines.at(-1)).toMatchObject({
      actor: 'local:test/1/full#1',
      event: 'hello',
      reason: 'overflow-new',
    });
    advance(9_999);
    nobody.send({ type: 'hello' });
    expect(lines).toHaveLength(8);
    advance(1);
    nobody.send({ type: 'hello' });
    expect(lines.at(-1)).toMatchObject({ reason: 'unknown-actor', unsaid: 96 });
    nobody.send({ type: 'hello' });
    expect(lines.at(-1)).not.toHaveProperty('unsaid');
  });

  test('a listener whose own messages reach nobody is not told of those', () => {
    const { system } = createTestSystem();
    const nobody = system.ref('local:test/1/nobody');
    const told: string[] = [];
    system.deadLetters.onDeadLetter(({ event }) => {
      told.push(event.type);
      nobody.send({ type: 'report' });
    });
    nobody.send({ type: 'hello' });
    expect(told).toEqual(['hello']);
    expect(system.deadLetters.counts()['unknown-actor']).toBe(2);
  });
});

test('what children and timers send has a bound of its own, and news of children none', () => {
  const { system, advance } = createTestSystem();
  const ref = system.spawn(sink([]), { mailbox: { limit: 1 } });
  if (!(ref instanceof LocalRef)) throw new Error('not local');
  advance();
  let events = 0;
  let news = 0;
  const event: Signal<HostingCell> = { message: { type: 'echo' }, handle: () => void events++ };
  for (let i = 0; i < 2 ** 20 + 5; i++) ref.cell!.signal(event);
  ref.cell!.signal({ handle: () => void news++ });
  advance();
  expect([events, news, system.deadLetters.counts()['overflow-new']]).toEqual([2 ** 20, 1, 5]);
});

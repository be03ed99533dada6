import { canonicalJson } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, type EventObject, setup } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { MessageHistory, namesActor } from './message-history.ts';
import { Meter } from './meter.ts';
import { replay } from './replay.ts';
import { sequenceDiagram } from './sequence-diagram.ts';
import { type InspectionEvent, inspectActors } from './xstate-inspection.ts';

const light = setup({ types: { context: {} as { turns: number } } }).createMachine({
  id: 'light',
  context: { turns: 0 },
  initial: 'off',
  states: {
    off: { on: { toggle: { target: 'on', actions: assign({ turns: ({ context }) => context.turns + 1 }) } } },
    on: { on: { toggle: 'off' } },
  },
  on: {
    break: {
      actions: assign(() => {
        throw new Error('the fuse has blown');
      }),
    },
  },
});

function recorded(options = {}) {
  const test = createTestSystem();
  const history = new MessageHistory(test.clock, options);
  const stop = test.system.record(history);
  const ref: Ref = test.system.spawn(light, { id: 'lamp' });
  return { ...test, history, stop, ref };
}

const send = (ref: Ref, event: object) => ref.send(event as EventObject);

describe('the history of messages', () => {
  it('shows what an actor handled, in order, with the state that it came to, until it is stopped', () => {
    const { history, ref, advance, stop } = recorded();
    for (const type of ['toggle', 'toggle', 'unknown', 'break']) ref.send({ type });
    advance();
    stop();
    ref.send({ type: 'toggle' });
    advance();
    expect(history.query().map(({ type, value, problem }) => [type, value ?? problem])).toEqual([
      ['toggle', 'on'],
      ['toggle', 'off'],
      ['unknown', 'off'],
      ['break', 'the fuse has blown'],
    ]);
    expect(history.query({ actor: 'lamp' })).toHaveLength(4);
    expect(history.query({ actor: 'amp' })).toHaveLength(0);
  });

  it('is found by actor, type, correlation and time, the latest first to stay', () => {
    const { system, history, ref, advance, clock } = recorded();
    const other: Ref = system.spawn(light, { id: 'other' });
    send(ref, { type: 'toggle', correlation: 'c1' });
    advance();
    const later = clock.wallTime() + 100;
    advance(100);
    send(other, { type: 'toggle', correlation_id: 'c1', id: 'm2', causation: 'm1' });
    send(other, { type: 'hello', correlationId: 'c2', from: ref.address });
    advance();
    const types = (query: object) => history.query(query).map(({ actor, type }) => [actor, type]);
    expect(types({ correlation: 'c1' })).toEqual([
      [ref.address, 'toggle'],
      [other.address, 'toggle'],
    ]);
    expect(types({ since: later })).toHaveLength(2);
    expect(types({ until: later - 1 })).toEqual([[ref.address, 'toggle']]);
    expect(types({ actor: other.address, type: 'hello' })).toEqual([[other.address, 'hello']]);
    expect(types({ limit: 1 })).toEqual([[other.address, 'hello']]);
    expect(types({ limit: 0 })).toEqual([]);
  });

  it('is bounded in messages per actor and in actors, and forgets the oldest', () => {
    const { system, history, ref, advance } = recorded({ perActor: 3, actorsMax: 2 });
    for (let i = 0; i < 10; i++) send(ref, { type: `e${i}` });
    advance();
    expect(history.query().map(({ type }) => type)).toEqual(['e7', 'e8', 'e9']);
    for (const id of ['b', 'c']) send(system.spawn(light, { id }), { type: id });
    advance();
    expect(history.query().map(({ type }) => type)).toEqual(['b', 'c']);
    expect(history.count).toBe(12);
  });

  it('replayed from its beginning gives the state that the actor has', () => {
    const { system, history, ref, advance } = recorded();
    for (let i = 0; i < 25; i++) ref.send({ type: i % 7 === 3 ? 'unknown' : 'toggle' });
    advance();
    let snapshot: unknown;
    system.ref(ref.address).subscribe((next) => (snapshot = next));
    const persisted = light.getPersistedSnapshot(snapshot as never);
    expect(canonicalJson(replay(light, history.query({ actor: 'lamp' })))).toBe(canonicalJson(persisted));
    expect(canonicalJson(replay(light, history.query({ actor: 'lamp' }).slice(1)))).not.toBe(
      canonicalJson(persisted),
    );
  });

  it('of a conversation is a diagram, in which no text can break out of its place', () => {
    const { system, history, ref, advance } = recorded();
    const other: Ref = system.spawn(light, { id: 'other' });
    send(ref, { type: 'toggle', correlation: 'c1', from: other.address, subject: 'on; please\nnow' });
    send(other, { type: 'break', correlation: 'c1' });
    advance();
    expect(sequenceDiagram(history.query({ correlation: 'c1' }))).toBe(
      [
        'sequenceDiagram',
        '  participant a0 as other',
        '  participant a1 as lamp',
        '  participant a2 as outside',
        '  a0->>a1: toggle: on  please now',
        '  a2->>a0: break',
        '  Note over a0: failed: the fuse has blown',
      ].join('\n'),
    );
  });
});

describe('a recorder', () => {
  it('that throws is taken off, and the actors go on', () => {
    const { system, ref, advance, history } = recorded();
    let calls = 0;
    system.record({
      handled() {
        calls++;
        throw new Error('recorder');
      },
    });
    ref.send({ type: 'toggle' });
    ref.send({ type: 'toggle' });
    advance();
    expect([calls, history.count]).toEqual([1, 2]);
  });

  it('that counts tells what each actor handled since it was asked last', () => {
    const { system, ref, advance } = recorded();
    const meter = new Meter();
    const stop = system.record(meter);
    for (let i = 0; i < 5; i++) ref.send({ type: 'toggle' });
    advance();
    expect([...meter.take()]).toEqual([[ref.address, 5]]);
    expect(meter.take().size).toBe(0);
    stop();
    ref.send({ type: 'toggle' });
    advance();
    expect(meter.total).toBe(5);
  });
});

describe('an inspector made for XState', () => {
  it('sees actors with their parents, events and snapshots', () => {
    const { system, advance } = createTestSystem();
    const seen: InspectionEvent[] = [];
    const stop = inspectActors(system, (event) => seen.push(event));
    const parent: Ref = system.spawn(light, { id: 'house' });
    const child: Ref = system.spawn(light, { id: 'lamp', parent });
    child.send({ type: 'toggle' });
    advance();
    stop();
    child.send({ type: 'toggle' });
    advance();
    const beginning = (ref: Ref) =>
      ['actor', 'event', 'snapshot'].map((what) => [`@xstate.${what}`, ref.address]);
    expect(seen.map(({ type, actorRef }) => [type, actorRef.sessionId])).toEqual([
      ...beginning(parent),
      ...beginning(child),
      ...['event', 'microstep', 'snapshot'].map((what) => [`@xstate.${what}`, child.address]),
    ]);
    expect(seen[3]!.actorRef._parent?.sessionId).toBe(parent.address);
    expect(seen[0]!.actorRef._parent).toBeUndefined();
    expect(seen[8]).toMatchObject({ snapshot: { value: 'on' }, event: { type: 'toggle' }, rootId: 'test' });
    expect(JSON.parse(JSON.stringify(seen[6]!.actorRef))).toEqual({ xstate$$type: 1, id: 'lamp' });
  });
});

describe('the name of an actor', () => {
  it.each([
    ['local:n1/1/shop/cart#7', true],
    ['local:n1/1/shop/cart', true],
    ['cart', true],
    ['shop/cart', true],
    ['art', false],
    ['n1/shop/cart', true],
    ['n1/cart', true],
    ['n1/art', false],
    ['n2/shop/cart', false],
    ['local:n1/1/shop/cart#8', false],
    ['cart#8', false],
  ])('%s: %s', (text, names) => {
    expect(namesActor(text, 'local:n1/1/shop/cart#7')).toBe(names);
  });
});

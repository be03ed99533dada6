import { isTuttiError, nodeId } from '@tutti/kernel';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyActorLogic,
  assign,
  type EventObject,
  fromCallback,
  fromTransition,
  sendTo,
  setup,
} from 'xstate';
import type { Ref, Terminated } from '../actor/ref.ts';
import { reply, replying, replyLater } from '../actor/reply.ts';
import { supervisor } from '../supervision/supervisor.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { threadWorld } from '../testing/thread-world.ts';
import { threaded } from './threaded.ts';

type Event = EventObject & { readonly n?: number; readonly value?: unknown; readonly to?: Ref };

/** Reads back what it was sent; throws at `fail`. */
const list = replying(
  (seen: readonly number[], event: Event, answer) => {
    if (event.type === 'fail') throw new Error('told to');
    if (event.type === 'add') return [...seen, event.n!];
    if (event.type === 'read') answer(seen);
    if (event.type === 'odd') answer(() => 'no function can cross');
    return seen;
  },
  [] as readonly number[],
);

/** Works with a ref that it was sent, from inside its thread. */
const caller = fromCallback<Event>(({ receive }) => {
  receive((event) => {
    const { to } = event;
    if (event.type === 'forward') for (const n of [1, 2, 3]) to!.send({ type: 'add', n } as Event);
    if (event.type === 'relay')
      void to!.ask({ type: 'read' }).then((value) => to!.send({ type: 'got', value } as Event));
    if (event.type === 'follow') {
      to!.subscribe((snapshot) => {
        const { context } = snapshot as { readonly context: unknown };
        (event.value as Ref).send({ type: 'shown', value: context } as Event);
      });
    }
    if (event.type === 'careless') {
      const careless = () => {
        throw new Error('careless');
      };
      to!.watch(careless);
      to!.subscribe(careless);
    }
    if (event.type === 'watch')
      to!.watch((notice) => (event.value as Ref).send({ type: 'gone', value: notice } as Event));
  });
});

const patient = setup({ types: { context: {} as { n: number }, events: {} as Event } }).createMachine({
  id: 'patient',
  context: { n: 0 },
  initial: 'busy',
  states: {
    busy: { meta: { defer: ['add'] }, on: { go: 'open' } },
    open: {
      on: {
        add: { actions: assign({ n: ({ context }) => context.n + 1 }) },
        read: { actions: reply(({ context }) => context.n) },
      },
    },
  },
});

const late = setup({ types: { context: {}, events: {} as Event } }).createMachine({
  context: {},
  on: {
    wait: { actions: replyLater() },
    delayed: { actions: sendTo(({ event }) => event.to as never, { type: 'tick' } as never, { delay: 40 }) },
  },
});

const logics = { list, caller, patient, late, text: 'no logic' as never as AnyActorLogic };

const world = (bounds: Parameters<typeof threadWorld>[1] = {}) => threadWorld(logics, bounds);

const add = (ref: Ref, n: number) => ref.send({ type: 'add', n } as Event);
const read = (ref: Ref) => ref.ask<readonly number[]>({ type: 'read' }, { timeoutMs: 60_000 });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => (isTuttiError(error) ? error.code : error),
  );
const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('a pool of threads', () => {
  it('keeps to its size, and gives each actor to the thread with the fewest', async () => {
    const { system, place, settle, threads } = world({ size: 2 });
    expect(system.threads).toEqual([]);
    const refs = oneTo(5).map(() => place('list'));
    await settle(Promise.all(refs.map(read)));
    expect(threads).toHaveLength(2);
    expect(system.threads.map(({ actors }) => actors)).toEqual([3, 2]);
    await settle(Promise.all([refs[0]!.stop(), refs[2]!.stop()]));
    await settle(read(place('list')));
    expect(system.threads.map(({ actors }) => actors)).toEqual([2, 2]);
  });

  it('uses an idle thread before it begins another', async () => {
    const { place, settle, threads } = world({ size: 4 });
    for (const _ of oneTo(3)) {
      const ref = place('list');
      await settle(read(ref));
      await settle(ref.stop());
    }
    expect(threads).toHaveLength(1);
  });

  it('ends with its system, which waits for that', async () => {
    const { system, place, settle, threads } = world({ size: 3 });
    await settle(Promise.all(oneTo(3).map(() => read(place('list')))));
    await settle(system.stop());
    expect(threads.map(({ isOver }) => isOver)).toEqual([true, true, true]);
    expect(system.threads).toEqual([]);
  });

  it('is refused with sizes that are none', () => {
    for (const bounds of [
      { size: 0 },
      { size: 1.5 },
      { windowMax: 0 },
      { outstandingMax: -1 },
      { hangMs: 0 },
    ])
      expect(() => world(bounds)).toThrow(/threads\./);
  });
});

describe('an actor of a thread that fails', () => {
  it('is restarted by its policy and goes on with what it had not handled, in order', async () => {
    const { system, place, settle, letters } = world();
    const ref = place('list', { id: 'a' });
    add(ref, 1);
    const failed = codeOf(ref.ask({ type: 'fail' }));
    for (const n of [2, 3, 4]) add(ref, n);
    expect(await settle(failed)).toBe('TUTTI_ACTOR_FAILED');
    expect(await settle(read(ref))).toEqual([2, 3, 4]);
    expect(system.tree()[0]).toMatchObject({ path: 'a', logic: 'transition', restarts: 1, thread: 1 });
    expect(letters).toEqual([]);
  });

  it('escalates beyond its intensity, and its watchers are told once', async () => {
    const { place, settle, pass, escalations, letters } = world();
    const notices: Terminated[] = [];
    const ref = place('list', { supervise: { intensity: { restarts: 1, withinMs: 5_000 } } });
    ref.watch((notice) => notices.push(notice));
    for (const type of ['fail', 'fail', 'later']) ref.send({ type });
    expect(await settle(codeOf(read(ref)))).toBe('TUTTI_ACTOR_FAILED');
    await pass(10_000);
    expect(notices).toEqual([{ address: ref.address, reason: 'failed', problem: 'told to' }]);
    expect(escalations).toHaveLength(1);
    expect(letters.map(({ event, reason }) => [event.type, reason])).toEqual([
      ['later', 'stopped'],
      ['read', 'stopped'],
    ]);
  });

  it('when its module or export is not there, as any that cannot start', async () => {
    const { system, settle, place } = world();
    for (const [module, name] of [
      ['nowhere', 'list'],
      ['m', 'nothing'],
      ['m', 'text'],
    ] as const) {
      const ref = system.spawn(threaded(module, { export: name }), { supervise: false }) as Ref;
      const notice = await settle(new Promise<Terminated>((resolve) => ref.watch(resolve)));
      expect(notice.reason).toBe('failed');
      expect(notice.problem).toMatch(/cannot be had from/);
    }
    expect(await settle(read(place('list')))).toEqual([]);
  });

  it('fails with the others of its kind where they are restarted together, and nothing waiting is lost', async () => {
    const { system, settle, letters, pass } = world({ size: 1 });
    const child = (id: string) => ({ id, logic: threaded('m', { export: 'list' }) });
    system.spawn(supervisor({ strategy: 'one-for-all', children: [child('a'), child('b')] }), { id: 's' });
    const [a, b] = ['a', 'b'].map((id) => system.ref(`local:test/1/s/${id}`)) as [Ref, Ref];
    await pass(1);
    add(a, 1);
    expect(await settle(read(a))).toEqual([1]);
    b.send({ type: 'fail' });
    for (const n of [2, 3]) add(a, n);
    expect(await settle(read(b))).toEqual([]);
    const left = await settle(read(a));
    expect([[2, 3], []]).toContainEqual(left);
    expect(letters).toEqual([]);
    expect(system.tree()[0]!.children.map(({ restarts }) => restarts)).toEqual([1, 1]);
  });
});

describe('a thread that ends', () => {
  it('fails its asks at once, tells each watcher once, and counts what it took along', async () => {
    const { system, place, settle, pass, threads, letters, clock } = world();
    const ref = place('list', { supervise: false });
    await settle(read(ref));
    const notices: Terminated[] = [];
    ref.watch((notice) => notices.push(notice));
    threads[0]!.block();
    const asked = codeOf(ref.ask({ type: 'read' }, { timeoutMs: 60_000 }));
    add(ref, 1);
    await pass(5);
    const before = clock.now();
    threads[0]!.crash('its code ended it with exit code 7');
    expect(await settle(asked)).toBe('TUTTI_ACTOR_FAILED');
    expect(clock.now() - before).toBeLessThan(1);
    await pass(1_000);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatchObject({ reason: 'failed', problem: expect.stringContaining('exit code 7') });
    expect(letters.map(({ event, reason }) => [event.type, reason])).toEqual([
      ['read', 'thread-lost'],
      ['add', 'thread-lost'],
    ]);
    expect(system.pendingAsks).toBe(0);
  });

  it('leaves what waits outside of it to the next life, on a new thread', async () => {
    const { place, settle, pass, threads, letters, system } = world({ windowMax: 4 });
    const ref = place('list');
    await settle(read(ref));
    threads[0]!.block();
    for (const n of oneTo(10)) add(ref, n);
    await pass(5);
    expect(system.tree()[0]).toMatchObject({ mailboxDepth: 10 });
    threads[0]!.crash('gone');
    expect(await settle(read(ref))).toEqual([5, 6, 7, 8, 9, 10]);
    expect(letters.map(({ event }) => (event as Event).n)).toEqual([1, 2, 3, 4]);
    expect(threads).toHaveLength(2);
  });

  it('is taken for hung when it says nothing for long, and not when it is only slow', async () => {
    const { place, settle, pass, threads } = world({ hangMs: 1_000 });
    const notices: Terminated[] = [];
    const ref = place('list', { supervise: false });
    ref.watch((notice) => notices.push(notice));
    await settle(read(ref));
    for (const _ of oneTo(20)) {
      threads[0]!.block();
      await pass(900);
      threads[0]!.goOn();
      await pass(100);
    }
    expect(notices).toEqual([]);
    threads[0]!.block();
    await pass(2_100);
    expect(notices).toMatchObject([{ reason: 'failed', problem: expect.stringContaining('said nothing') }]);
    expect(threads[0]!.isOver).toBe(true);
  });

  it('is ended when it does not let go of an actor whose deadline is over; others begin again elsewhere', async () => {
    const { place, settle, pass, threads } = world({ size: 1 });
    const [stuck, other] = [place('list', { supervise: { shutdownMs: 200 } }), place('list')];
    await settle(read(other));
    threads[0]!.block();
    add(stuck, 1);
    const stopped = settle(stuck.stop());
    await pass(250);
    await stopped;
    expect(threads[0]!.isOver).toBe(false);
    await pass(1_100);
    expect(threads[0]!.isOver).toBe(true);
    expect(await settle(read(other))).toEqual([]);
    expect(threads).toHaveLength(2);
  });

  it('never hands to a successor what was for the actor before it', async () => {
    const { system, place, settle, letters } = world();
    const first = place('list', { id: 'x' });
    await settle(read(first));
    await settle(first.stop());
    const second = place('list', { id: 'x' });
    add(first, 1);
    expect(await settle(read(second))).toEqual([]);
    expect(letters.map(({ reason }) => reason)).toEqual(['stale-incarnation']);
    expect(system.ref(first.address).address).not.toBe(second.address);
  });
});

describe('messages to and from a thread', () => {
  it('wait in the mailbox of the actor when its thread is full, under the options of that', async () => {
    const { place, settle, pass, threads, letters, system } = world({ windowMax: 2, size: 1 });
    const ref = place('list', { mailbox: { limit: 3 } });
    await settle(read(ref));
    threads[0]!.block();
    for (const n of [1, 2]) add(ref, n);
    await pass(1);
    for (const n of [3, 4, 5, 6]) add(ref, n);
    await pass(1);
    expect(system.threads[0]!.outstanding).toBe(2);
    expect(await settle(codeOf(read(ref)))).toBe('TUTTI_OVERLOADED');
    expect(letters.map(({ event, reason }) => [(event as Event).n, reason])).toEqual([
      [6, 'overflow-new'],
      [undefined, 'overflow-new'],
    ]);
    threads[0]!.goOn();
    await pass(1);
    expect(await settle(read(ref))).toEqual([1, 2, 3, 4, 5]);
  });

  it('of all actors of one thread are bounded together', async () => {
    const { place, settle, pass, threads, system } = world({ outstandingMax: 5, size: 1 });
    const refs = oneTo(3).map(() => place('list'));
    await settle(Promise.all(refs.map(read)));
    threads[0]!.block();
    for (const n of oneTo(10)) for (const ref of refs) add(ref, n);
    await pass(1);
    expect(system.threads[0]!.outstanding).toBeLessThanOrEqual(5);
    threads[0]!.goOn();
    for (const ref of refs) expect(await settle(read(ref))).toEqual(oneTo(10));
  });

  it('that a life leaves behind when it ends make room for those of others', async () => {
    const { system, place, settle, pass } = world({ size: 1, outstandingMax: 4 });
    const neighbour = place('list');
    expect(await settle(read(neighbour))).toEqual([]);
    const leaver = place('list', { supervise: { restart: 'temporary' } });
    await settle(read(leaver));
    leaver.send({ type: 'fail' });
    for (const n of oneTo(3)) add(leaver, n);
    await pass(100);
    expect(system.threads.map(({ outstanding }) => outstanding)).toEqual([0]);
    for (const n of oneTo(8)) add(neighbour, n);
    expect(await settle(read(neighbour))).toEqual(oneTo(8));
  });

  it('that are one object, sent many times in a turn, are each handled and make room', async () => {
    const { system, place, settle } = world({ windowMax: 4 });
    const ref = place('list');
    const event = { type: 'add', n: 7 } as Event;
    for (let i = 0; i < 20; i++) ref.send(event);
    expect(await settle(read(ref))).toEqual(oneTo(20).map(() => 7));
    await settle(read(ref));
    expect(system.threads[0]).toMatchObject({ outstanding: 0 });
    expect(system.tree()[0]).toMatchObject({ mailboxDepth: 0 });
  });

  it('of which one cannot be cloned leave nobody waiting behind it', async () => {
    const { system, place, settle, pass } = world({ windowMax: 4 });
    const ref = place('list');
    await settle(read(ref));
    ref.send({ type: 'bad', value: Symbol('no') } as Event);
    for (const n of oneTo(10)) add(ref, n);
    await pass(50);
    expect(system.tree()[0]).toMatchObject({ mailboxDepth: 0 });
  });

  it('of a channel are confirmed when they are handled, however often they are sent again until then', async () => {
    const { system, place, settle, pass, threads } = world();
    const ref = place('list');
    await settle(read(ref));
    const channel = system.reliable(ref);
    threads[0]!.block();
    const told: unknown[] = [];
    const tell = (n: number) =>
      codeOf(channel.send({ type: 'add', n } as Event)).then((how) => told.push([n, how]));
    void tell(1);
    await pass(5_000);
    expect(told).toEqual([]);
    threads[0]!.goOn();
    await pass(5_000);
    expect(told).toEqual([[1, { value: undefined }]]);
    expect(await settle(read(ref))).toEqual([1]);
    threads[0]!.block();
    void tell(2);
    await pass(5_000);
    threads[0]!.crash('gone');
    await pass(5_000);
    expect(told.slice(1)).toEqual([[2, { value: undefined }]]);
    expect(await settle(read(ref))).toEqual([2]);
  });

  it('that are handled without an answer are kept for no more askers than an actor may hold', async () => {
    const { place, settle, pass, system } = world();
    const ref = place('list', { mailbox: { limit: 20_000 } });
    const asks = oneTo(10_001).map((n) =>
      codeOf(ref.ask({ type: 'add', n } as Event, { timeoutMs: 60_000 })),
    );
    expect(await settle(asks[0]!)).toBe('TUTTI_OVERLOADED');
    await pass(61_000);
    expect(await settle(asks[1]!)).toBe('TUTTI_ASK_TIMEOUT');
    expect(system.pendingAsks).toBe(0);
  });

  it('show a busy thread no more than the latest of what it subscribes to', async () => {
    const { place, pass, probe, threads, system } = world();
    const count = system.spawn(fromTransition((n: number, _event: EventObject) => n + 1, 0));
    const [follower, seen] = [place('caller'), probe()];
    follower.send({ type: 'follow', to: count, value: seen.ref } as Event);
    await pass(20);
    threads[0]!.block();
    for (const _ of oneTo(200)) {
      count.send({ type: 'tick' });
      await pass(1);
    }
    threads[0]!.goOn();
    await pass(50);
    const shown = seen.events.map((event) => (event as Event).value);
    expect(shown.at(-1)).toBe(200);
    expect(shown.length).toBeLessThan(30);
  });

  it('that a listener in a thread throws at harm nobody else there', async () => {
    const { place, settle, pass, threads } = world({ size: 1 });
    const [careless, other] = [place('caller'), place('list')];
    const target = place('list');
    careless.send({ type: 'careless', to: target } as Event);
    await pass(20);
    add(target, 1);
    await settle(target.stop());
    await pass(20);
    expect(await settle(read(other))).toEqual([]);
    expect(threads.map(({ isOver }) => isOver)).toEqual([false]);
  });

  it('that stop a machine stop one in a thread, and its watchers are told', async () => {
    const { place, settle, pass } = world();
    const ref = place('list');
    await settle(read(ref));
    const notices: Terminated[] = [];
    ref.watch((notice) => notices.push(notice));
    ref.send({ type: 'xstate.stop' });
    await pass(20);
    expect(notices).toMatchObject([{ reason: 'stopped' }]);
  });

  it('that a state puts off leave room for the one that changes it', async () => {
    const { place, settle, letters, system } = world({ windowMax: 4 });
    const ref = place('patient', { id: 'p' });
    for (const n of oneTo(100)) add(ref, n);
    ref.send({ type: 'go' });
    expect(await settle(read(ref))).toBe(100);
    expect(letters).toEqual([]);
    expect(system.tree()[0]).toMatchObject({ logic: 'patient', value: 'open', mailboxDepth: 0 });
  });

  it('carry refs, which work inside: to send, ask, watch, and from a timer', async () => {
    const { place, settle, pass, probe, system } = world({ size: 2 });
    const [worker, target, seen] = [place('caller'), place('list'), probe()];
    worker.send({ type: 'forward', to: target } as Event);
    await pass(20);
    expect(await settle(read(target))).toEqual([1, 2, 3]);
    const answering = system.spawn(
      replying(
        (all: readonly unknown[], event: Event, answer) => {
          if (event.type === 'read') answer('asked');
          return [...all, event.value ?? event.type];
        },
        [] as readonly unknown[],
      ),
    );
    worker.send({ type: 'relay', to: answering } as Event);
    place('late').send({ type: 'delayed', to: answering } as Event);
    worker.send({ type: 'watch', to: target, value: seen.ref } as Event);
    await pass(100);
    await settle(target.stop());
    await pass(50);
    const states: unknown[] = [];
    answering.subscribe((snapshot) => states.push((snapshot as { context: unknown }).context));
    expect(states.at(-1)).toEqual(['read', 'asked', 'tick']);
    expect(seen.events).toMatchObject([
      { type: 'gone', value: { address: target.address, reason: 'stopped' } },
    ]);
  });

  it('that cannot be cloned are refused with a code, and the others of their batch arrive', async () => {
    const { place, settle, letters } = world();
    const ref = place('list');
    add(ref, 1);
    const odd = codeOf(ref.ask({ type: 'add', n: () => 1 } as EventObject));
    ref.send({ type: 'bad', value: Symbol('no') } as Event);
    add(ref, 2);
    expect(await settle(odd)).toBe('TUTTI_THREAD_VALUE');
    expect(await settle(codeOf(ref.ask({ type: 'odd' })))).toBe('TUTTI_THREAD_VALUE');
    expect(await settle(read(ref))).toEqual([1, 2]);
    expect(letters.map(({ event, reason }) => [event.type, reason])).toEqual([
      ['add', 'unreachable'],
      ['bad', 'unreachable'],
    ]);
  });

  it('that it keeps to answer later fail when it stops', async () => {
    const { place, settle, pass } = world();
    const ref = place('late');
    const waiting = codeOf(ref.ask({ type: 'wait' }, { timeoutMs: 60_000 }));
    await pass(10);
    await settle(ref.stop());
    expect(await settle(waiting)).toBe('TUTTI_ACTOR_UNKNOWN');
  });
});

describe('a threaded actor is refused', () => {
  it('without threads, and where its state would have to be here', async () => {
    const bare = createTestSystem();
    expect(() => bare.system.spawn(threaded('m'))).toThrow(/has no threads/);
    const { system } = world();
    const logic = threaded('m', { export: 'list' });
    expect(() => system.spawn(logic, { supervise: { restartFrom: 'snapshot' } })).toThrow(/restartFrom/);
    expect(() => system.spawn(logic, { mailbox: { defer: () => [] } })).toThrow(/mailbox.defer/);
    const harness = new ClusterHarness([nodeId('n1')], (cluster) => {
      expect(() => cluster.entity('e', logic)).toThrow(/cannot be an entity/);
      expect(() => cluster.replicated('r', logic)).toThrow(/cannot be replicated/);
    });
    expect(harness).toBeDefined();
  });

  it('invoked inside of a machine', () => {
    const { system, advance, escalations } = world();
    const logic: AnyActorLogic = threaded('m', { export: 'list' });
    system.spawn(setup({ actors: { logic } }).createMachine({ invoke: { src: 'logic' } }), { supervise: {} });
    advance(10);
    expect(escalations.map(({ error }) => isTuttiError(error) && error.code)).toEqual([
      'TUTTI_THREADED_MISPLACED',
    ]);
  });
});

describe('whatever happens to its threads', () => {
  it('an actor handles each message at most once and in order, and none is lost without being counted', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 12 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom('fail' as const, 'crash' as const, 'block' as const, 'goOn' as const),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3 }) }),
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, windowMax) => {
          const seen: number[] = [];
          const witness = fromTransition((_: undefined, event: Event) => {
            seen.push(event.n!);
            if (event.type === 'fail') throw new Error('told to');
            return undefined;
          }, undefined);
          const w = threadWorld({ ...logics, list: witness }, { windowMax });
          const intensity = { restarts: 1_000, withinMs: 1_000 };
          const ref = w.place('list', { supervise: { intensity } });
          let sent = 0;
          for (const each of steps) {
            const thread = w.threads.at(-1);
            if (each.do === 'send') for (const _ of oneTo(each.count)) add(ref, ++sent);
            else if (each.do === 'fail') ref.send({ type: 'fail', n: ++sent } as Event);
            else if (each.do === 'pass') await w.pass(each.ms);
            else if (each.do === 'crash') thread?.crash('gone');
            else thread?.[each.do]();
          }
          for (const thread of w.threads) thread.goOn();
          await w.pass(2_000);
          expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b));
          const lost = w.letters.map(({ event }) => (event as Event).n!);
          expect(new Set([...seen, ...lost])).toEqual(new Set(oneTo(sent)));
          expect(w.letters.every(({ reason }) => reason === 'thread-lost')).toBe(true);
          expect(lost).toHaveLength(new Set(lost).size);
        },
      ),
      { numRuns: 150 },
    );
  });
});

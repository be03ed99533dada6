import { isTuttiError } from '@tutti/kernel';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { assign, type EventObject, fromCallback, fromTransition, setup } from 'xstate';
import type { Ref, Terminated } from '../actor/ref.ts';
import { reply, replying } from '../actor/reply.ts';
import { supervisor } from '../supervision/supervisor.ts';
import type { ActorSystem } from '../system/actor-system.ts';
import { refSubject } from '../testing/ref-subject.ts';
import { threadWorld } from '../testing/thread-world.ts';
import { threaded } from './threaded.ts';

type Event = EventObject & { readonly n?: number; readonly value?: unknown; readonly to?: Ref };

/** Notes what it handles; throws at `fail`. Whoever makes it sees it from outside, however often its life begins anew. */
const noting = (seen: number[]) =>
  replying((_: undefined, { type, n }: Event, answer) => {
    if (n !== undefined) seen.push(n);
    if (type === 'fail') throw new Error('told to');
    answer(type === 'odd' ? () => 'no function can cross' : type);
    return undefined;
  }, undefined);

const list = replying(
  (seen: readonly number[], { type, n }: Event, answer) => {
    if (type === 'fail') throw new Error('told to');
    answer(seen);
    return type === 'add' ? [...seen, n!] : seen;
  },
  [] as readonly number[],
);

/** Works with a ref that it was sent, from inside its thread. */
const guest = fromCallback<Event>(({ receive }) => {
  receive(({ type, to, value }) => {
    const tell = (what: unknown) => (value as Ref<Event>).send({ type: 'told', value: what });
    if (type === 'watch') to!.watch(tell);
    if (type === 'follow') to!.subscribe((snapshot) => tell((snapshot as { context: unknown }).context));
    if (type === 'ask') void to!.ask({ type: 'what' }).then(tell, tell);
    if (type === 'end') {
      for (const n of [1, 2, 3]) to!.send({ type: 'add', n } as Event);
      void to!.stop();
    }
  });
});

const waiting = setup({ types: { context: {} as { n: number }, events: {} as Event } }).createMachine({
  id: 'waiting',
  context: { n: 0 },
  initial: 'busy',
  states: {
    busy: { meta: { defer: ['add'] }, on: { go: 'open' } },
    open: {
      on: {
        add: { actions: [assign({ n: ({ context }) => context.n + 1 }), reply('added')] },
        read: { actions: reply(({ context }) => context.n) },
      },
    },
  },
});

const logics = { list, guest, waiting };
const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const add = (ref: Ref, n: number) => ref.send({ type: 'add', n } as Event);
const read = (ref: Ref) => ref.ask({ type: 'read' }, { timeoutMs: 60_000 });
const depths = (system: ActorSystem) => system.tree().map(({ mailboxDepth }) => mailboxDepth);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => (isTuttiError(error) ? error.code : error),
  );

describe('room in a thread that becomes free', () => {
  it('wakes those whose mail waits for the room that others took, without another word from anybody', async () => {
    const { place, pass, settle, threads, system } = threadWorld(logics, { size: 1, outstandingMax: 2 });
    const [first, second] = [place('list'), place('list')];
    await settle(Promise.all([first, second].map(read)));
    threads[0]!.block();
    for (const n of [1, 2]) add(first, n);
    await pass(1);
    add(second, 3);
    await pass(1);
    expect([depths(system), system.threads[0]!.outstanding]).toEqual([[2, 1], 2]);
    threads[0]!.goOn();
    await pass(10);
    expect([depths(system), system.threads[0]!.outstanding]).toEqual([[0, 0], 0]);
    expect(await settle(read(second))).toEqual([3]);
  });

  it('goes to each of those that wait in its turn, however much waits for the others', async () => {
    const seen: number[] = [];
    const many = { noting: noting(seen) };
    const { place, pass, settle, threads } = threadWorld(many, { size: 1, outstandingMax: 1 });
    const refs = oneTo(3).map(() => place('noting'));
    await settle(Promise.all(refs.map(read)));
    threads[0]!.block();
    for (const _ of oneTo(20)) for (const [at, ref] of refs.entries()) add(ref, at);
    await pass(1);
    threads[0]!.goOn();
    await pass(100);
    expect(seen).toHaveLength(60);
    for (let at = 0; at + 3 <= seen.length; at += 3) expect(new Set(seen.slice(at, at + 3)).size).toBe(3);
  });

  it('lets a sender go on that is held for the mailbox of an actor there', async () => {
    const { place, pass, settle, threads, system } = threadWorld(logics, { size: 1, windowMax: 1 });
    const ref = place('list', { mailbox: { limit: 1, overflow: 'defer' } });
    await settle(read(ref));
    threads[0]!.block();
    const passedOn: number[] = [];
    const passOn = (_: undefined, { n }: Event): undefined => {
      passedOn.push(n!);
      add(ref, n!);
    };
    const sender: Ref = system.spawn(fromTransition(passOn, undefined));
    for (const n of oneTo(10)) add(sender, n);
    await pass(5);
    expect(passedOn.length).toBeLessThan(5);
    threads[0]!.goOn();
    await pass(20);
    expect(passedOn).toEqual(oneTo(10));
    expect(await settle(read(ref))).toEqual(oneTo(10));
  });
});

describe('a stop of an actor in a thread', () => {
  it('comes after all that was sent before it, there or on the way or outside; later mail is dead letters', async () => {
    const seen: number[] = [];
    const { place, pass, settle, threads, letters } = threadWorld({ noting: noting(seen) }, { windowMax: 3 });
    const ref = place('noting');
    await settle(read(ref));
    threads[0]!.block();
    for (const n of [1, 2]) add(ref, n);
    await pass(1);
    for (const n of [3, 4, 5, 6, 7, 8]) add(ref, n);
    const stopped = ref.stop();
    add(ref, 9);
    await pass(1);
    add(ref, 10);
    threads[0]!.goOn();
    await settle(stopped);
    expect(seen).toEqual(oneTo(8));
    expect(letters.map(({ event, reason }) => [(event as Event).n, reason])).toEqual([
      [9, 'stopped'],
      [10, 'stopped'],
    ]);
  });

  it('comes after it also when all of it is said before the module is there', async () => {
    const seen: number[] = [];
    const { place, settle } = threadWorld({ noting: noting(seen) });
    const ref = place('noting');
    for (const n of oneTo(5)) add(ref, n);
    await settle(ref.stop());
    expect(seen).toEqual(oneTo(5));
  });

  it('comes after it also when both come from another thread', async () => {
    const seen: number[] = [];
    const { place, pass, threads } = threadWorld({ ...logics, noting: noting(seen) }, { size: 2 });
    const ref = place('noting');
    const notices: Terminated[] = [];
    ref.watch((notice) => notices.push(notice));
    place('guest').send({ type: 'end', to: ref } as Event);
    await pass(50);
    expect([threads.length, seen]).toEqual([2, [1, 2, 3]]);
    expect(notices).toEqual([{ address: ref.address, reason: 'stopped' }]);
  });

  it('ends what came before it as it does for an actor of the node, whatever that is', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), count: fc.nat({ max: 9 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('fail' as const, 'pass' as const) }) },
    );
    const supervise = { intensity: { restarts: 1_000, withinMs: 1_000 } };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, windowMax) => {
          const run = async (kind: 'node' | 'thread') => {
            const seen: number[] = [];
            const world = threadWorld({ noting: noting(seen) }, { windowMax });
            const ref: Ref =
              kind === 'thread'
                ? world.place('noting', { supervise })
                : world.system.spawn(noting(seen), { supervise });
            const notices: unknown[] = [];
            ref.watch(({ reason, problem }) => notices.push([reason, problem]));
            let sent = 0;
            for (const each of steps) {
              if (each.do === 'add') for (const _ of oneTo(each.count)) add(ref, ++sent);
              else if (each.do === 'fail') ref.send({ type: 'fail', n: ++sent } as Event);
              else await world.pass(1);
            }
            await world.settle(ref.stop());
            await world.pass(10);
            const letters = world.letters.map(({ event, reason }) => [(event as Event).n, reason]);
            return { seen, notices, letters };
          };
          expect(await run('thread')).toEqual(await run('node'));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('who follows an actor in a thread', () => {
  it.each(['fails', 'loses its thread'])('follows its next life when it %s', async (how) => {
    const { place, pass, threads, probe } = threadWorld(logics, { size: 1 });
    const ref = place('list', { supervise: { intensity: { restarts: 9, withinMs: 1_000 } } });
    const shown: unknown[] = [];
    const end = ref.subscribe((snapshot) => shown.push((snapshot as { context: unknown }).context));
    const below = probe();
    const lose = () => (how === 'fails' ? ref.send({ type: 'fail' }) : threads.at(-1)!.crash('gone'));
    for (const n of [1, 2, 3]) {
      await pass(5);
      expect(shown.at(-1)).toEqual([]);
      add(ref, n);
      await pass(5);
      expect(shown.at(-1)).toEqual([n]);
      lose();
    }
    await pass(5);
    end();
    const count = shown.length;
    place('guest').send({ type: 'follow', to: ref, value: below.ref } as Event);
    await pass(5);
    if (how === 'fails') lose();
    await pass(5);
    add(ref, 4);
    await pass(5);
    expect((below.events.at(-1) as Event).value).toEqual([4]);
    expect(shown).toHaveLength(count);
  });
});

describe('a message that is refused', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;

  it.each([
    ['a symbol in it', Symbol('no'), 'TUTTI_THREAD_VALUE'],
    ['a cycle in it', cycle, 'TUTTI_VALUE_TOO_DEEP'],
  ])('for %s gives its place back, and wakes those who wait for it', async (_, value, code) => {
    const bounds = { size: 1, windowMax: 2, outstandingMax: 2 };
    const { place, pass, settle, system, letters } = threadWorld(logics, bounds);
    const [ref, other] = [place('list'), place('list')];
    await settle(Promise.all([ref, other].map(read)));
    const bad = { type: 'bad', value } as Event;
    const asks = oneTo(3).map(() => {
      ref.send(bad);
      return codeOf(ref.ask(bad));
    });
    for (const n of oneTo(6)) for (const each of [ref, other]) add(each, n);
    expect(await settle(Promise.all(asks))).toEqual([code, code, code]);
    await pass(20);
    expect([depths(system), system.threads[0]!.outstanding]).toEqual([[0, 0], 0]);
    expect(await settle(Promise.all([ref, other].map(read)))).toEqual([oneTo(6), oneTo(6)]);
    expect(letters.map(({ reason }) => reason)).toEqual(Array.from({ length: 6 }, () => 'unreachable'));
  });

  it('wakes its own actor too, where that alone had filled its window', async () => {
    const { place, pass, settle, system } = threadWorld(logics, { windowMax: 1 });
    const ref = place('list');
    await settle(read(ref));
    ref.send({ type: 'bad', value: Symbol('no') } as Event);
    add(ref, 1);
    await pass(5);
    expect(depths(system)).toEqual([0]);
    expect(await settle(read(ref))).toEqual([1]);
  });

  it('in the thread, because its state puts off too many, gives its place back', async () => {
    const { place, pass, settle, system, letters } = threadWorld(logics, { windowMax: 4 });
    const ref = place('waiting');
    for (const n of oneTo(1_010)) add(ref, n);
    const asked = codeOf(ref.ask({ type: 'add', n: 1_011 } as Event));
    expect(await settle(asked)).toBe('TUTTI_OVERLOADED');
    expect([depths(system), system.threads[0]!.outstanding]).toEqual([[1_000], 0]);
    expect(letters.map(({ reason }) => reason)).toEqual(oneTo(11).map(() => 'stash-full'));
    ref.send({ type: 'go' });
    expect(await settle(read(ref))).toBe(1_000);
    await pass(1);
    expect([depths(system), system.threads[0]!.outstanding]).toEqual([[0], 0]);
  });

  it('on its way back, since the answer cannot cross, has been handled', async () => {
    const seen: number[] = [];
    const { place, settle, pass, system } = threadWorld({ noting: noting(seen) }, { windowMax: 2 });
    const ref = place('noting');
    const asks = oneTo(6).map((n) => codeOf(ref.ask({ type: 'odd', n } as Event)));
    expect(await settle(Promise.all(asks))).toEqual(oneTo(6).map(() => 'TUTTI_THREAD_VALUE'));
    ref.send({ type: 'fail' });
    await pass(5);
    expect([seen, depths(system), system.threads[0]!.outstanding]).toEqual([oneTo(6), [0], 0]);
  });
});

describe('a watch from a thread', () => {
  it('that cannot be made is told so, as one from another node is', async () => {
    const { system, place, pass, probe } = threadWorld(logics);
    const refuse = (): never => {
      throw new Error('watched by too many');
    };
    const nothing = () => Promise.resolve(undefined as never);
    const far: Ref = {
      address: 'far:1',
      send() {},
      ask: nothing,
      stop: nothing,
      watch: refuse,
      subscribe: refuse,
    };
    system.addResolver({ matches: (address) => address === far.address, ref: () => far });
    const { ref: value, events } = probe();
    place('guest').send({ type: 'watch', to: far, value } as Event);
    await pass(5);
    expect(events).toMatchObject([
      { type: 'told', value: { address: 'far:1', reason: 'unknown', problem: 'watched by too many' } },
    ]);
  });
});

describe('an answer from a thread', () => {
  it('that comes when nobody remembers its ask is a dead letter, as any that comes late', async () => {
    const { place, settle, pass, letters } = threadWorld({ refSubject });
    const ref = place('refSubject');
    expect(await settle(codeOf(ref.ask({ type: 'hold' }, { timeoutMs: 80 })))).toBe('TUTTI_ASK_TIMEOUT');
    add(ref, 1);
    await pass(5);
    ref.send({ type: 'release', value: 'late' } as Event);
    await pass(5);
    expect(letters.map(({ reason }) => reason)).toEqual(['late-reply']);
  });
});

describe('a thread that has ended', () => {
  it('watches and follows nobody any more', async () => {
    const { system, place, pass, threads, probe } = threadWorld(logics);
    const open: string[] = [];
    const note = (what: string) => () => {
      open.push(what);
      return () => void open.splice(open.indexOf(what), 1);
    };
    const far: Ref = {
      address: 'far:1',
      send: () => {},
      ask: () => new Promise(() => {}),
      stop: () => Promise.resolve(),
      watch: note('watch'),
      subscribe: note('subscribe'),
    };
    system.addResolver({ matches: (address) => address === far.address, ref: () => far });
    const ref = place('guest');
    const { ref: value } = probe();
    for (const type of ['watch', 'follow', 'watch']) ref.send({ type, to: far, value } as Event);
    await pass(5);
    expect(open).toEqual(['watch', 'subscribe', 'watch']);
    threads[0]!.crash('gone');
    await pass(5);
    expect(open).toEqual([]);
  });

  it('is told nothing more, whatever is answered to it', async () => {
    const { system, place, pass, threads, probe } = threadWorld(logics);
    const { promise, resolve } = Promise.withResolvers<never>();
    const far = { address: 'far:1', send() {}, ask: () => promise } as Partial<Ref> as Ref;
    system.addResolver({ matches: (address) => address === far.address, ref: () => far });
    place('guest').send({ type: 'ask', to: far, value: probe().ref } as Event);
    await pass(5);
    const post = vi.spyOn(threads[0]!, 'post');
    threads[0]!.crash('gone');
    await pass(5);
    resolve(undefined as never);
    await pass(5);
    expect([threads.length, post.mock.calls]).toEqual([2, []]);
  });

  it('while it imports an actor holds up those that start after it until the next life is up', async () => {
    const { system, settle, pass, threads, until } = threadWorld(logics, { hopMs: 5 });
    const children = [
      { id: 'a', logic: threaded('m', { export: 'list' }) },
      { id: 'b', logic: list },
    ];
    system.spawn(supervisor({ children }), { id: 's' });
    await until(() => threads.length === 1);
    threads[0]!.crash('its module ended it');
    await pass(50);
    const [a, b] = ['a', 'b'].map((id): Ref => system.ref(`local:test/1/s/${id}`));
    expect(await settle(Promise.all([read(a!), read(b!)]))).toEqual([[], []]);
    // One that ends before it is up could not be started, so that its supervisor begins again.
    expect(system.tree()).toMatchObject([{ path: 's', restarts: 1 }]);
  });

  it('takes nothing more from the moment that it is told to end: that is for the next life', async () => {
    const { place, pass, settle, threads, letters, until } = threadWorld(logics, {
      hangMs: 1_000,
      hopMs: 20,
    });
    const ref = place('list');
    await settle(read(ref));
    threads[0]!.block();
    add(ref, 1);
    await pass(30);
    await until(() => threads[0]!.isOver);
    expect(threads[0]!.isOver).toBe(true);
    for (const n of [2, 3]) add(ref, n);
    expect(await settle(read(ref))).toEqual([2, 3]);
    expect(threads).toHaveLength(2);
    expect(letters.map(({ event, reason }) => [(event as Event).n, reason])).toEqual([[1, 'thread-lost']]);
  });

  it('leaves no send and no ask without a word: each is a dead letter with its reason, and each ask fails at once', async () => {
    const { place, pass, settle, threads, letters, clock, system } = threadWorld(logics, { hopMs: 20 });
    const ref = place('list', { supervise: false });
    await settle(read(ref));
    add(ref, 1);
    await pass(1);
    threads[0]!.crash('its code ended it with exit code 3');
    await pass(1);
    // Nobody on the node can know yet.
    add(ref, 2);
    const early = codeOf(read(ref));
    expect(await settle(early)).toBe('TUTTI_ACTOR_FAILED');
    await pass(50);
    add(ref, 3);
    const before = clock.now();
    expect(await settle(codeOf(read(ref)))).toBe('TUTTI_ACTOR_UNKNOWN');
    expect(clock.now()).toBe(before);
    const notice = await settle(new Promise<Terminated>((resolve) => void ref.watch(resolve)));
    expect(notice.reason).toBe('unknown');
    expect(letters.map(({ event, reason }) => [(event as Event).n, reason])).toEqual([
      [1, 'thread-lost'],
      [2, 'thread-lost'],
      [undefined, 'thread-lost'],
      [3, 'unknown-actor'],
      [undefined, 'unknown-actor'],
    ]);
    expect([system.pendingAsks, system.threads]).toEqual([0, []]);
  });
});

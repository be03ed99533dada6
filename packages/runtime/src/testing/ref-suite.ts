import { isTuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import type { EventObject } from 'xstate';
import type { Ref, Terminated } from '../actor/ref.ts';
import type { ActorSystem, SpawnOptions } from '../system/actor-system.ts';
import type { SubjectEvent } from './ref-subject.ts';

/** One actor under test, as somebody holds it. */
export interface RefWorld {
  readonly ref: Ref;
  /** The system of whoever holds the ref. */
  readonly holder: ActorSystem;
  /** Lets time go on until a promise settles. */
  readonly settle: <Value>(promise: Promise<Value>) => Promise<Value>;
  /** Lets so much time go by. */
  readonly pass: (durationMs: number) => Promise<void>;
  /** Spawns one more of this kind, where kinds are spawned, and gives the ref that the holder has of it. */
  readonly spawn?: (logic: 'refSubject' | 'stillborn', options: SpawnOptions) => Ref;
}

/** Where kinds of refs may differ. */
export interface RefTraits {
  /** What an ask comes to when the logic throws; default `TUTTI_ACTOR_FAILED`. */
  readonly failure?: string;
  /** What an ask comes to when the actor has ended; default `TUTTI_ACTOR_UNKNOWN`. */
  readonly ended?: string;
  /** An ask that the logic does not reply to resolves with undefined, as soon as the event is applied. */
  readonly answersAlways?: boolean;
  /**
   * `ends` (default): for good. `rests`: the next message starts it again, with what it had. `forgets`: that starts it
   * afresh. `refused`: it cannot be stopped.
   */
  readonly stop?: 'ends' | 'rests' | 'forgets' | 'refused';
  /** What watchers are told when its logic comes to its end; default `done`, and `undefined` for nothing. */
  readonly notice?: Terminated['reason'] | undefined;
  /** Nobody knows that it has ended: its next message begins it afresh, and who watches it then is told nothing. */
  readonly endIsForgotten?: boolean;
  /** It hands on what it is sent: its snapshots are its own, and a channel to it confirms that it has handed on. */
  readonly handsOn?: boolean;
  /** After a failure it goes on from what it had; by default it begins afresh. */
  readonly keepsState?: boolean;
  /** Its world can {@link RefWorld.spawn}. */
  readonly isSpawned?: boolean;
  /** What it is sent in one turn comes to it one by one. */
  readonly isFar?: boolean;
}

const send = (ref: Ref, event: SubjectEvent) => ref.send(event);
const ask = <Reply>(ref: Ref, event: SubjectEvent, options = {}) => ref.ask<Reply>(event, options);
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => (isTuttiError(error) ? error.code : error),
  );
const seenIn = (snapshot: unknown) => (snapshot as { context?: { seen?: readonly number[] } }).context?.seen;
const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/** What a ref promises, whoever is behind it. Each kind of ref is held to this one suite. */
export function refSuite(kind: string, make: () => Promise<RefWorld>, traits: RefTraits = {}): void {
  const { failure = 'TUTTI_ACTOR_FAILED', ended = 'TUTTI_ACTOR_UNKNOWN', stop = 'ends' } = traits;
  const { notice, endIsForgotten = false, handsOn = false } = { notice: 'done' as const, ...traits };

  describe(`a ref to ${kind}`, () => {
    it('delivers in order, and an ask after the sends that came before it', async () => {
      const { ref, settle } = await make();
      for (const n of oneTo(100)) send(ref, { type: 'add', n });
      expect(await settle(ask(ref, { type: 'read' }))).toEqual(oneTo(100));
    });

    it('keeps that order between asks and sends, however they are mixed', async () => {
      const { ref, settle } = await make();
      const asks = oneTo(30).map((n) => {
        send(ref, { type: 'add', n });
        return ask<readonly number[]>(ref, { type: 'read' });
      });
      const answers = await settle(Promise.all(asks));
      expect(answers).toEqual(oneTo(30).map((n) => oneTo(n)));
    });

    it('brings answers back as they were given, to whoever asked, however many ask at once', async () => {
      const { ref, settle } = await make();
      const values = [0, '', null, false, 'text', [1, [2, { three: '3' }]], { deep: { er: [null] } }];
      const answers = await settle(Promise.all(values.map((value) => ask(ref, { type: 'echo', value }))));
      expect(answers).toEqual(values);
    });

    it('takes refs inside events, which name the same actor at the other end', async () => {
      const { ref, settle } = await make();
      const answer = await settle(ask<{ who: Ref }>(ref, { type: 'echo', value: { who: ref } }));
      expect(answer.who.address).toBe(ref.address);
      send(answer.who, { type: 'add', n: 7 });
      expect(await settle(ask(answer.who, { type: 'read' }))).toEqual([7]);
      expect(await settle(ask(ref, { type: 'read' }))).toEqual([7]);
    });

    it('is found again by its address', async () => {
      const { ref, holder, settle } = await make();
      const again = holder.ref(ref.address);
      expect(again.address).toBe(ref.address);
      send(ref, { type: 'add', n: 1 });
      expect(await settle(ask(again, { type: 'read' }))).toEqual([1]);
    });

    it('ends an ask at its deadline, and leaves nothing behind', async () => {
      const { ref, holder, settle, pass } = await make();
      const before = holder.pendingAsks;
      const end = await settle(codeOf(ask(ref, { type: 'silent' }, { timeoutMs: 80 })));
      expect(end).toEqual(traits.answersAlways ? { value: undefined } : 'TUTTI_ASK_TIMEOUT');
      await pass(200);
      expect(holder.pendingAsks).toBe(before);
      expect(await settle(ask(ref, { type: 'echo', value: 1 }))).toBe(1);
    });

    it('ends an ask that is called off, before it began and while it waits', async () => {
      const { ref, settle } = await make();
      const controller = new AbortController();
      const waiting = codeOf(ask(ref, { type: 'silent' }, { signal: controller.signal }));
      controller.abort();
      expect(await settle(waiting)).toBe('TUTTI_ABORTED');
      expect(await settle(codeOf(ask(ref, { type: 'read' }, { signal: controller.signal })))).toBe(
        'TUTTI_ABORTED',
      );
    });

    it('tells who asked that the logic failed, and goes on afterwards', async () => {
      const { ref, settle } = await make();
      expect(await settle(codeOf(ask(ref, { type: 'fail' })))).toBe(failure);
      expect(await settle(ask(ref, { type: 'echo', value: 'still here' }))).toBe('still here');
    });

    it('handles what came behind a message that it failed on, in order', async () => {
      const { ref, settle } = await make();
      for (const n of oneTo(5)) send(ref, { type: 'add', n });
      send(ref, { type: 'fail' });
      for (const n of oneTo(5)) send(ref, { type: 'add', n: 5 + n });
      const seen = await settle(ask<readonly number[]>(ref, { type: 'read' }));
      expect(seen).toEqual(traits.keepsState ? oneTo(10) : [6, 7, 8, 9, 10]);
    });

    it('tells each watcher of the end once, also one that comes later, and none that has gone', async () => {
      const { ref, settle, pass } = await make();
      const notices: Terminated[] = [];
      const unwanted: Terminated[] = [];
      ref.watch((notice) => notices.push(notice));
      ref.watch((notice) => notices.push(notice));
      ref.watch((notice) => unwanted.push(notice))();
      await settle(ask(ref, { type: 'echo', value: 1 }));
      // The watches travel in a lane of their own, and must be there before the end.
      await pass(50);
      expect(notices).toEqual([]);
      send(ref, { type: 'end' });
      await pass(1_000);
      const told = notice === undefined ? [] : [notice, notice];
      expect(notices.map(({ reason, address }) => [reason, address])).toEqual(
        told.map((reason) => [reason, ref.address]),
      );
      ref.watch((notice) => notices.push(notice));
      ref.watch((notice) => unwanted.push(notice))();
      expect(notices).toHaveLength(told.length);
      await pass(1_000);
      expect(notices).toHaveLength(endIsForgotten || notice === undefined ? told.length : 3);
      expect(unwanted).toEqual([]);
    });

    it('tells whoever watches and subscribes, although others throw at what they are told', async () => {
      const { ref, settle, pass } = await make();
      const careless = () => {
        throw new Error('careless');
      };
      const notices: Terminated[] = [];
      let shown: unknown;
      ref.watch(careless);
      ref.watch((notice) => notices.push(notice));
      ref.subscribe(careless);
      ref.subscribe((snapshot) => (shown = snapshot));
      send(ref, { type: 'add', n: 1 });
      expect(await settle(ask(ref, { type: 'read' }))).toEqual([1]);
      await pass(500);
      if (!handsOn) expect(shown).toMatchObject({ context: { seen: [1] } });
      send(ref, { type: 'end' });
      await pass(1_000);
      expect(notices).toMatchObject(notice === undefined ? [] : [{ reason: notice, address: ref.address }]);
    });

    if (endIsForgotten)
      it('of one that has ended knows nothing of that: the next message begins it afresh', async () => {
        const { ref, settle, pass } = await make();
        send(ref, { type: 'add', n: 1 });
        send(ref, { type: 'end' });
        await pass(1_000);
        send(ref, { type: 'add', n: 2 });
        expect(await settle(ask(ref, { type: 'read' }))).toEqual([2]);
      });
    else
      it('of one that has ended refuses asks at once, and takes sends without a word', async () => {
        const { ref, settle, pass } = await make();
        send(ref, { type: 'end' });
        await pass(1_000);
        send(ref, { type: 'add', n: 1 });
        expect(await settle(codeOf(ask(ref, { type: 'read' }, { timeoutMs: 3_000 })))).toBe(ended);
      });

    if (handsOn)
      it('shows its own snapshots, and none of those it hands on to', async () => {
        const { ref, settle, pass } = await make();
        const shown: unknown[] = [];
        ref.subscribe((snapshot) => shown.push(snapshot));
        send(ref, { type: 'add', n: 1 });
        expect(await settle(ask(ref, { type: 'read' }))).toEqual([1]);
        await pass(500);
        expect(shown.length).toBeGreaterThan(0);
        expect(shown.map(seenIn)).toEqual(shown.map(() => undefined));
      });
    else showingSuite(make);

    it('is stopped as its kind can be', async () => {
      const { ref, settle, pass } = await make();
      send(ref, { type: 'add', n: 1 });
      const end = await settle(codeOf(ref.stop()));
      if (stop === 'refused') return expect(end).toBe('TUTTI_ACTOR_UNKNOWN');
      expect(end).toEqual({ value: undefined });
      await pass(100);
      const after = await settle(codeOf(ask(ref, { type: 'read' }, { timeoutMs: 3_000 })));
      expect(after).toEqual(stop === 'ends' ? 'TUTTI_ACTOR_UNKNOWN' : { value: stop === 'rests' ? [1] : [] });
      await settle(codeOf(ref.stop()));
    });

    if (stop !== 'refused')
      it('handles all that it was sent before it stops', async () => {
        const { ref, settle, pass } = await make();
        let last: readonly number[] = [];
        ref.subscribe((snapshot) => (last = seenIn(snapshot) ?? last));
        await settle(ask(ref, { type: 'echo', value: 1 }));
        for (const n of oneTo(100)) send(ref, { type: 'add', n });
        const asked = handsOn ? ask<readonly number[]>(ref, { type: 'read' }) : undefined;
        await settle(ref.stop());
        await pass(500);
        const seen = stop === 'rests' ? await settle(ask(ref, { type: 'read' })) : ((await asked) ?? last);
        expect(seen).toEqual(oneTo(100));
      });

    if (!traits.answersAlways) {
      it('gives each asker its own answer, also when that of an ask that is over comes late', async () => {
        const { ref, holder, settle, pass } = await make();
        const before = holder.pendingAsks;
        expect(await settle(codeOf(ask(ref, { type: 'hold' }, { timeoutMs: 80 })))).toBe('TUTTI_ASK_TIMEOUT');
        const waiting = ask(ref, { type: 'hold' }, { timeoutMs: 60_000 });
        for (const value of ['for the first', 'for the second']) send(ref, { type: 'release', value });
        expect(await settle(waiting)).toBe('for the second');
        expect(await settle(ask(ref, { type: 'echo', value: 'own' }))).toBe('own');
        await pass(200);
        expect(holder.pendingAsks).toBe(before);
      });

      it.each(['fail', 'end'] as const)(
        'fails the asks that it held when it comes to its "%s"',
        async (type) => {
          const { ref, settle } = await make();
          const held = codeOf(ask(ref, { type: 'hold' }, { timeoutMs: 60_000 }));
          await settle(ask(ref, { type: 'echo', value: 1 }));
          send(ref, { type });
          expect(await settle(held)).toBe('TUTTI_ACTOR_UNKNOWN');
        },
      );
    }

    if (traits.isSpawned) livesSuite(make, traits.isFar ?? false);

    it('confirms what is sent over a reliable channel, each event handled once and in order', async () => {
      const { ref, holder, settle } = await make();
      const channel = holder.reliable(ref, { channel: 'conformance', windowMax: 8 });
      await settle(Promise.all(oneTo(40).map((n) => channel.send({ type: 'add', n } as EventObject))));
      expect(channel.unconfirmed).toBe(0);
      const repeated = holder.reliable(ref, { channel: 'conformance' });
      await settle(Promise.all(oneTo(40).map((n) => repeated.send({ type: 'add', n } as EventObject))));
      expect(await settle(ask(ref, { type: 'read' }))).toEqual(oneTo(40));
      const failed = codeOf(repeated.send({ type: 'fail' }));
      expect(await settle(failed)).toEqual(handsOn ? { value: undefined } : failure);
      expect(await settle(codeOf(repeated.send({ type: 'echo', value: 1 } as EventObject)))).toEqual({
        value: undefined,
      });
      await settle(repeated.close());
    });

    it('fails what a reliable channel holds when its receiver has ended, unless that only hands on', async () => {
      const { ref, holder, settle, pass } = await make();
      const channel = holder.reliable(ref);
      await settle(channel.send({ type: 'end' }));
      await pass(1_000);
      const late = await settle(codeOf(channel.send({ type: 'add', n: 1 } as EventObject)));
      if (!handsOn || notice !== undefined) return expect([ended, 'TUTTI_ACTOR_UNKNOWN']).toContain(late);
      expect(late).toEqual({ value: undefined });
      expect(holder.deadLetters.counts()['no-routee']).toBe(1);
    });
  });
}

/** What it shows of the logic that it names. */
function showingSuite(make: () => Promise<RefWorld>): void {
  it('shows the snapshot that there is, then those that come, and none after the end of it', async () => {
    const { ref, settle, pass } = await make();
    send(ref, { type: 'add', n: 1 });
    await settle(ask(ref, { type: 'read' }));
    const shown: (readonly number[])[] = [];
    const end = ref.subscribe((snapshot) => shown.push(seenIn(snapshot)!));
    await pass(200);
    expect(shown.at(-1)).toEqual([1]);
    for (const n of [2, 3]) send(ref, { type: 'add', n });
    await pass(500);
    expect(shown.at(-1)).toEqual([1, 2, 3]);
    for (let i = 1; i < shown.length; i++)
      expect(shown[i]!.length).toBeGreaterThanOrEqual(shown[i - 1]!.length);
    end();
    const count = shown.length;
    send(ref, { type: 'add', n: 4 });
    await pass(500);
    expect(shown).toHaveLength(count);
  });

  it('shows a subscriber that throws at the snapshot that there is those that come', async () => {
    const { ref, settle, pass } = await make();
    send(ref, { type: 'add', n: 1 });
    await settle(ask(ref, { type: 'read' }));
    let shown: unknown;
    let isFirst = true;
    ref.subscribe((snapshot) => {
      shown = snapshot;
      if (isFirst) {
        isFirst = false;
        throw new Error('careless');
      }
    });
    await pass(200);
    expect(shown).toMatchObject({ context: { seen: [1] } });
    send(ref, { type: 'add', n: 2 });
    await pass(500);
    expect(shown).toMatchObject({ context: { seen: [1, 2] } });
  });
}

/** What holds of the lives of one that is spawned, and of those who come after it. */
function livesSuite(make: () => Promise<RefWorld>, isFar: boolean): void {
  it('with a bounded mailbox answers what found room and refuses the rest, then takes more again', async () => {
    const { spawn, settle } = await make();
    const ref = spawn!('refSubject', { mailbox: { limit: 3 } });
    expect(await settle(ask(ref, { type: 'echo', value: 'first' }))).toBe('first');
    const asks = oneTo(200).map((value) => codeOf(ask(ref, { type: 'echo', value }, { timeoutMs: 60_000 })));
    const ends = await settle(Promise.all(asks));
    const refused = ends.filter((end) => end === 'TUTTI_OVERLOADED');
    const answered = ends.flatMap((end, at) =>
      end === 'TUTTI_OVERLOADED' ? [] : [[end, { value: at + 1 }]],
    );
    for (const [end, expected] of answered) expect(end).toEqual(expected);
    expect(answered.length).toBeGreaterThanOrEqual(3);
    if (!isFar) expect(refused.length).toBeGreaterThan(0);
    expect(await settle(ask(ref, { type: 'echo', value: 'last' }))).toBe('last');
  });

  it('stops although its mailbox is full, after all that found room in it', async () => {
    const { spawn, settle, pass } = await make();
    const ref = spawn!('refSubject', { mailbox: { limit: 3 } });
    let last: readonly number[] = [];
    const notices: Terminated[] = [];
    ref.watch((notice) => notices.push(notice));
    ref.subscribe((snapshot) => {
      last = seenIn(snapshot) ?? last;
    });
    await settle(ask(ref, { type: 'echo', value: 1 }));
    for (const n of oneTo(200)) send(ref, { type: 'add', n });
    await settle(ref.stop());
    await pass(500);
    expect(last.length).toBeGreaterThanOrEqual(3);
    expect(last).toEqual([...new Set(last)].toSorted((a, b) => a - b));
    expect(notices.map(({ reason }) => reason)).toEqual(['stopped']);
  });

  it('never reaches whoever comes after it at the same path', async () => {
    const { spawn, settle, pass } = await make();
    const first = spawn!('refSubject', { id: 'twice' });
    await settle(ask(first, { type: 'echo', value: 1 }));
    await settle(first.stop());
    const second = spawn!('refSubject', { id: 'twice' });
    const notices: Terminated[] = [];
    first.watch((notice) => notices.push(notice));
    send(first, { type: 'add', n: 1 });
    expect(await settle(codeOf(ask(first, { type: 'read' })))).toBe('TUTTI_ACTOR_UNKNOWN');
    await settle(first.stop());
    await pass(500);
    expect(notices).toHaveLength(1);
    expect(await settle(ask(second, { type: 'read' }))).toEqual([]);
    await settle(second.stop());
  });

  it('of one that fails while it is made tells watchers once, and fails asks', async () => {
    const { spawn, settle, pass } = await make();
    const ref = spawn!('stillborn', { supervise: false });
    const notices: Terminated[] = [];
    ref.watch((notice) => notices.push(notice));
    send(ref, { type: 'add', n: 1 });
    const codes = await settle(Promise.all([1, 2].map(() => codeOf(ask(ref, { type: 'read' })))));
    // Whoever hears of it from afar may come too late to be told more than that nobody is there.
    for (const code of codes) expect(['TUTTI_ACTOR_FAILED', 'TUTTI_ACTOR_UNKNOWN']).toContain(code);
    await pass(1_000);
    expect(notices).toHaveLength(1);
    expect(['failed', 'unknown']).toContain(notices[0]!.reason);
    expect(await settle(codeOf(ask(ref, { type: 'read' })))).toBe('TUTTI_ACTOR_UNKNOWN');
  });

  it('of one that fails too often tells watchers once, when it is given up, and fails what still waits', async () => {
    const { spawn, settle, pass } = await make();
    const ref = spawn!('refSubject', { supervise: { intensity: { restarts: 2, withinMs: 60_000 } } });
    const notices: Terminated[] = [];
    ref.watch((notice) => notices.push(notice));
    await settle(ask(ref, { type: 'echo', value: 1 }));
    const asks = oneTo(5).map((n) => codeOf(ask(ref, n < 5 ? { type: 'fail' } : { type: 'read' })));
    const codes = await settle(Promise.all(asks));
    expect(codes.slice(0, 3)).toEqual(oneTo(3).map(() => 'TUTTI_ACTOR_FAILED'));
    for (const code of codes.slice(3)) expect(['TUTTI_ACTOR_FAILED', 'TUTTI_ACTOR_UNKNOWN']).toContain(code);
    await pass(1_000);
    expect(notices).toMatchObject([{ address: ref.address, reason: 'failed', problem: 'told to' }]);
    expect(await settle(codeOf(ask(ref, { type: 'read' })))).toBe('TUTTI_ACTOR_UNKNOWN');
  });
}

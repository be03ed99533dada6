import { isTuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import type { EventObject } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import type { RefWorld } from './ref-suite.ts';

/** A ref that can only be sent to, and one actor that gets what it is sent. */
export interface SendOnlyWorld extends RefWorld {
  readonly receiver: Ref;
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'settled',
    (error: unknown) => (isTuttiError(error) ? error.code : error),
  );

/** What the ref of a topic promises of all that {@link refSuite} asks, and what it does in place of the rest. */
export function sendOnlySuite(kind: string, make: () => Promise<SendOnlyWorld>): void {
  describe(`a ref to ${kind}`, () => {
    it('delivers in order', async () => {
      const { ref, receiver, settle, pass } = await make();
      const sent = Array.from({ length: 100 }, (_, n) => n);
      for (const n of sent) ref.send({ type: 'add', n } as EventObject);
      await pass(500);
      expect(await settle(receiver.ask({ type: 'read' }))).toEqual(sent);
    });

    it('is found again by its address, and takes refs inside events', async () => {
      const { ref, receiver, holder, settle, pass } = await make();
      const again = holder.ref(ref.address);
      expect(again.address).toBe(ref.address);
      again.send({ type: 'add', n: { who: receiver } } as EventObject);
      await pass(500);
      const [{ who }] = await settle(receiver.ask<[{ who: Ref }]>({ type: 'read' }));
      expect(who.address).toBe(receiver.address);
    });

    it('answers nobody: an ask is refused at once, leaves nothing behind, and reaches no subscriber', async () => {
      const { ref, receiver, holder, settle, pass } = await make();
      const before = holder.pendingAsks;
      expect(await codeOf(ref.ask({ type: 'add', n: 1 } as EventObject))).toBe('TUTTI_ACTOR_UNKNOWN');
      expect(holder.pendingAsks).toBe(before);
      await pass(500);
      expect(await settle(receiver.ask({ type: 'read' }))).toEqual([]);
    });

    it('confirms nothing: what is sent over a reliable channel fails', async () => {
      const { ref, holder, settle } = await make();
      const channel = holder.reliable(ref);
      expect(await settle(codeOf(channel.send({ type: 'add', n: 1 } as EventObject)))).toBe(
        'TUTTI_ACTOR_UNKNOWN',
      );
    });

    it('has no end: it cannot be stopped, and tells a watcher nothing, also when its last subscriber ends', async () => {
      const { ref, receiver, settle, pass } = await make();
      const notices: unknown[] = [];
      ref.watch((notice) => notices.push(notice));
      expect(await codeOf(ref.stop())).toBe('TUTTI_ACTOR_UNKNOWN');
      await settle(receiver.stop());
      ref.send({ type: 'add', n: 1 } as EventObject);
      await pass(1_000);
      expect(notices).toEqual([]);
    });

    it('has no state: it shows nothing', async () => {
      const { ref, pass } = await make();
      const shown: unknown[] = [];
      ref.subscribe((snapshot) => shown.push(snapshot));
      ref.send({ type: 'add', n: 1 } as EventObject);
      await pass(500);
      expect(shown).toEqual([]);
    });
  });
}

import { type Clock, isTuttiError, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { Asked } from '../actor/ask.ts';
import type { Address, Ref } from '../actor/ref.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { LocalRef } from '../system/local-ref.ts';

/** What one routee of a broadcast answered. */
export type BroadcastReply =
  | { readonly address: Address; readonly reply: unknown }
  | { readonly address: Address; readonly error: { readonly code: string; readonly message: string } };

/** How long before its deadline an answer of many is given without those that are missing, at most: it has a way to go. */
const EARLY_MS_MAX = 100;

/** Hands an event on, with whoever waits for its answer. */
export function forward(
  routee: Ref,
  event: EventObject,
  target: ReplyTarget | undefined,
  clock: Clock,
): void {
  if (!target) return routee.send(event);
  if (routee instanceof LocalRef) return routee.deliver(new Asked(event, target));
  const timeoutMs = (target.deadline ?? Infinity) - clock.now();
  routee.ask(event, { timeoutMs, inheritDeadline: false }).then(
    (value) => target.reply(value),
    (error: Error) => target.fail(error),
  );
}

/** A target that settles at most once; `reply` and `fail` are told which routee it was. */
function each(
  deadline: number | undefined,
  onReply: (value: unknown) => void,
  onFail: (error: Error) => void,
) {
  let isOver = false;
  const once =
    <Value>(act: (value: Value) => void) =>
    (value: Value) => {
      if (isOver) return;
      isOver = true;
      act(value);
    };
  return { ...(deadline === undefined ? {} : { deadline }), reply: once(onReply), fail: once(onFail) };
}

/** The first answer counts; when nobody answers but with failures, the last failure does. */
export function firstOf(
  routees: readonly Ref[],
  event: EventObject,
  target: ReplyTarget,
  clock: Clock,
): void {
  let left = routees.length;
  let isAnswered = false;
  for (const routee of routees) {
    const reply = (value: unknown) => {
      left--;
      if (!isAnswered) target.reply(value);
      isAnswered = true;
    };
    const fail = (error: Error) => {
      if (--left === 0 && !isAnswered) target.fail(error);
    };
    forward(routee, event, each(target.deadline, reply, fail), clock);
  }
}

/**
 * Every routee's answer, in the order of the routees, once the last is there or has failed; and of one that keeps silent,
 * just before nobody waits any more, that its time was over.
 */
export function allOf(routees: readonly Ref[], event: EventObject, target: ReplyTarget, clock: Clock): void {
  const replies: (BroadcastReply | undefined)[] = routees.map(() => undefined);
  let left = routees.length;
  const note = (at: number, reply: BroadcastReply) => {
    if (left === 0) return; // it has been answered
    replies[at] = reply;
    if (--left > 0) return;
    clock.clearTimer(timer);
    target.reply(replies);
  };
  const failed = (at: number, { code, message }: TuttiError) =>
    note(at, { address: routees[at]!.address, error: { code, message } });
  const leftMs = Math.max(0, (target.deadline ?? Infinity) - clock.now());
  const timeoutMs = leftMs - Math.min(EARLY_MS_MAX, leftMs / 10);
  const timer = clock.setTimer(timeoutMs, () => {
    for (const [at, { address }] of routees.entries())
      if (!replies[at])
        failed(at, new TuttiError('TUTTI_ASK_TIMEOUT', { address, event: event.type, timeoutMs }));
  });
  routees.forEach((routee, at) => {
    const { address } = routee;
    const reply = (value: unknown) => note(at, { address, reply: value });
    const fail = (thrown: Error) => {
      const problem = thrown.message;
      failed(at, isTuttiError(thrown) ? thrown : new TuttiError('TUTTI_ACTOR_FAILED', { address, problem }));
    };
    forward(routee, event, each(target.deadline, reply, fail), clock);
  });
}

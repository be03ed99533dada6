import { TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { Asked } from '../actor/ask.ts';
import type { Address, Ref } from '../actor/ref.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { LocalRef } from '../system/local-ref.ts';

/** What one routee of a broadcast answered. */
export type BroadcastReply =
  | { readonly address: Address; readonly reply: unknown }
  | { readonly address: Address; readonly error: { readonly code: string; readonly message: string } };

/** Hands an event on, with whoever waits for its answer. */
export function forward(
  routee: Ref,
  event: EventObject,
  target: ReplyTarget | undefined,
  now: () => number,
): void {
  if (!target) return routee.send(event);
  if (routee instanceof LocalRef) return routee.deliver(new Asked(event, target));
  const timeoutMs = (target.deadline ?? Infinity) - now();
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
  now: () => number,
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
    forward(routee, event, each(target.deadline, reply, fail), now);
  }
}

/** Every routee's answer, in the order of the routees, once the last is there or has failed. */
export function allOf(
  routees: readonly Ref[],
  event: EventObject,
  target: ReplyTarget,
  now: () => number,
): void {
  const replies: BroadcastReply[] = [];
  let left = routees.length;
  const note = (at: number, reply: BroadcastReply) => {
    replies[at] = reply;
    if (--left === 0) target.reply(replies);
  };
  routees.forEach((routee, at) => {
    const { address } = routee;
    const fail = (thrown: Error) => {
      const { code, message } =
        thrown instanceof TuttiError
          ? thrown
          : new TuttiError('TUTTI_ACTOR_FAILED', { address, problem: thrown.message });
      note(at, { address, error: { code, message } });
    };
    forward(
      routee,
      event,
      each(target.deadline, (reply) => note(at, { address, reply }), fail),
      now,
    );
  });
}

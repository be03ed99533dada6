import { messageOf } from '@tutti/kernel';
import type { AnyActorRef } from 'xstate';
import type { HostedSelf } from './xstate-self.ts';

type Listener = (value: unknown) => void;

/** A listener as XState takes it, or three of them in one. */
type Observing = Listener | { next?: Listener; error?: Listener; complete?: () => void } | undefined;

/** An in-machine child, by the two ways that lead to its listeners. */
interface Observed {
  subscribe(first: Observing, error?: Listener, complete?: () => void): { unsubscribe(): void };
  on(type: string, listener: Listener): { unsubscribe(): void };
}

/**
 * Keeps what listeners of an in-machine child throw to themselves, as with any other actor. XState throws it into the
 * event loop, where it ends the process, and does the same with the failure of a child when a subscriber has no ear for
 * errors, whatever the machine makes of it. Part of `xstate-self.ts`.
 */
export function containListeners(child: AnyActorRef, host: HostedSelf): void {
  const observed = child as object as Observed;
  const subscribe = observed.subscribe.bind(observed);
  const on = observed.on.bind(observed);
  const note = (error: unknown, text: string) => {
    const fields = { actor: host.cell.address, child: child.id, problem: messageOf(error) };
    host.system.runtime.logger.error(fields, text);
  };
  const tell = (listener: (() => void) | undefined) => {
    try {
      listener?.();
    } catch (error) {
      note(error, 'a listener of an in-machine child threw');
    }
  };
  observed.subscribe = (first, error, complete) => {
    const observer = typeof first === 'object' ? first : { next: first, error, complete };
    return subscribe({
      next: (snapshot) => tell(() => observer.next?.(snapshot)),
      error: (problem) => {
        if (observer.error) tell(() => observer.error!(problem));
        else note(problem, 'an in-machine child failed, and a subscriber does not listen for errors');
      },
      complete: () => tell(() => observer.complete?.()),
    });
  };
  observed.on = (type, listener) => on(type, (event) => tell(() => listener(event)));
}

import { TuttiError } from '@tutti/kernel';
import type { Address, AskOptions, Ref, Terminated } from '@tutti/runtime';
import type { EventObject } from 'xstate';
import type { Life } from './test-machine.ts';

/**
 * A ref as somebody outside of the cluster has it, through one life of one node: while that is paused what he sends
 * waits, and when it is gone he hears no more. An ask then fails at once, as a broken connection does.
 */
export class OutsideRef<Event extends EventObject, Snapshot> implements Ref<Event, Snapshot> {
  readonly address: Address;
  readonly #node: string;
  readonly #life: Life | undefined;
  readonly #inner: Ref<Event, Snapshot> | undefined;

  constructor(node: string, life: Life | undefined, address: Address) {
    this.#node = node;
    this.#life = life;
    this.address = address;
    this.#inner = life?.node.cluster.ref<Event, Snapshot>(address);
  }

  send(event: Event): void {
    this.#life?.enter(() => this.#inner!.send(event));
  }

  ask<Reply = unknown>(event: Event, options?: AskOptions): Promise<Reply> {
    return this.#call(() => this.#inner!.ask<Reply>(event, options));
  }

  watch(listener: (notice: Terminated) => void): () => void {
    return this.#follow((inner, outside) => inner.watch((notice) => outside(() => listener(notice))));
  }

  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    return this.#follow((inner, outside) => inner.subscribe((snapshot) => outside(() => listener(snapshot))));
  }

  stop(): Promise<void> {
    return this.#call(() => this.#inner!.stop());
  }

  #follow(
    begin: (inner: Ref<Event, Snapshot>, outside: (tell: () => void) => void) => () => void,
  ): () => void {
    const life = this.#life;
    let end: (() => void) | undefined;
    let isOver = false;
    const outside = (tell: () => void): void =>
      life!.leave(() => {
        if (!isOver) tell();
      });
    life?.enter(() => {
      if (!isOver) end = begin(this.#inner!, outside);
    });
    return () => {
      isOver = true;
      end?.();
    };
  }

  #call<Result>(call: () => Promise<Result>): Promise<Result> {
    const life = this.#life;
    return new Promise((resolve, reject) => {
      const gone = (why: string): void =>
        reject(new TuttiError('TUTTI_NODE_UNREACHABLE', { node: this.#node, address: this.address, why }));
      if (!life || life.clock.dead) return gone('its process does not run');
      life.onDeath.add(gone);
      // Who hears of it is outside again, and goes on in an event that is no node's.
      const answer = (settle: () => void): void =>
        life.leave(() => {
          life.onDeath.delete(gone);
          settle();
        });
      life.enter(() => {
        call().then(
          (result) => answer(() => resolve(result)),
          (thrown: Error) => answer(() => reject(thrown)),
        );
      });
    });
  }
}

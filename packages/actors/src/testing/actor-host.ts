import type { Clock, Incarnation, NodeId } from '@tutti/kernel';
import type { ActorSystem, Ref, Terminated } from '@tutti/runtime';
import { type AnyActor, type AnyActorLogic, type AnyActorRef, createActor } from 'xstate';

/** Hosts actors on XState's own interpreter and virtual time, and starts those that fail again. */
export class ActorHost implements Pick<ActorSystem, 'nodeId' | 'incarnation'> {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly #clock: Clock;
  readonly #hosted = new Set<Hosted>();

  constructor(nodeId: NodeId, incarnation: Incarnation, clock: Clock) {
    this.nodeId = nodeId;
    this.incarnation = incarnation;
    this.#clock = clock;
  }

  /** The types of an actor's events and snapshots are its own business; this host passes them on. */
  readonly spawn = ((logic: AnyActorLogic, options: { id?: string } = {}) => {
    const hosted = new Hosted(logic, options.id ?? 'actor', this.#clock);
    this.#hosted.add(hosted);
    return hosted;
  }) as ActorSystem['spawn'];

  /** All at once, as when a process dies. */
  kill(): void {
    for (const hosted of this.#hosted) hosted.kill();
    this.#hosted.clear();
  }
}

class Hosted implements Ref {
  readonly address: string;
  readonly #logic: AnyActorLogic;
  readonly #clock: Clock;
  readonly #subscribers = new Set<(snapshot: unknown) => void>();
  #actor: AnyActor | undefined;
  #isOver = false;

  constructor(logic: AnyActorLogic, id: string, clock: Clock) {
    this.#logic = logic;
    this.#clock = clock;
    this.address = `local:test/1/${id}`;
    clock.nextTurn(() => this.#begin());
  }

  send(event: { type: string }): void {
    this.#clock.nextTurn(() => this.#actor?.send(event));
  }

  ask(): Promise<never> {
    return Promise.reject(new Error('this host takes no asks'));
  }

  watch(_listener: (notice: Terminated) => void): () => void {
    return () => {};
  }

  subscribe(listener: (snapshot: never) => void): () => void {
    this.#subscribers.add(listener as (snapshot: unknown) => void);
    return () => this.#subscribers.delete(listener as (snapshot: unknown) => void);
  }

  stop(): Promise<void> {
    this.kill();
    return Promise.resolve();
  }

  kill(): void {
    this.#isOver = true;
    if (this.#actor) stopAll(this.#actor);
  }

  #begin(): void {
    if (this.#isOver) return;
    const actor = createActor(this.#logic, {
      clock: {
        setTimeout: (action: () => void, delayMs: number) => this.#clock.setTimer(delayMs, action),
        clearTimeout: (timer: object) => timer && this.#clock.clearTimer(timer),
      },
    });
    this.#actor = actor;
    actor.subscribe({
      next: (snapshot) => {
        for (const subscriber of this.#subscribers) subscriber(snapshot);
      },
      error: () => {
        stopAll(actor);
        this.#clock.setTimer(10, () => this.#begin());
      },
    });
    actor.start();
  }
}

/** XState leaves the children of an actor that failed running. */
function stopAll(actor: AnyActor): void {
  const children: Record<string, AnyActorRef> = actor.getSnapshot().children ?? {};
  for (const child of Object.values(children)) {
    const stop: unknown = Reflect.get(child, '_stop');
    if (typeof stop === 'function') Reflect.apply(stop, child, []);
  }
  actor.stop();
}

import {
  type Logger,
  messageOf,
  type NodeId,
  type PeerIdentity,
  Ring,
  type Transport,
  TuttiError,
} from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { guarded } from '../actor/cell-listeners.ts';
import type { Address, AskOptions, Ref, Terminated } from '../actor/ref.ts';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import { foreignProblem } from '../message/envelope.ts';
import { inSlices } from '../scheduler/in-slices.ts';
import type { ActorSystem, AddressResolver } from '../system/actor-system.ts';
import { LocalRef } from '../system/local-ref.ts';
import type { Courier } from './courier.ts';
import type { Members } from './member.ts';
import type { ActorMessage } from './parcel.ts';
import { encodeRefs } from './ref-codec.ts';
import { checkTopic, TopicTree } from './topic-pattern.ts';

/** How one subscriber gets its events. */
export interface SubscribeOptions {
  /**
   * How many messages may wait for a subscriber of this node before it counts as slow; default 10,000. Of a subscriber
   * on another node nobody here knows: its own mailbox, and the link's buffer, are the bounds.
   */
  readonly waitingMax?: number;
  /**
   * What happens to a slow one. `drop` (default): it misses this event, a dead letter `slow-subscriber`. `unsubscribe`:
   * the same, and from then on it gets none; `onEnded` tells.
   */
  readonly whenSlow?: 'drop' | 'unsubscribe';
  /** Told once when the subscription ends by itself: its actor is gone, or it was too slow. */
  readonly onEnded?: (reason: 'gone' | 'slow') => void;
}

/** A name that anybody may send events to, and that all who subscribed get them from. */
export interface Topic<Event extends EventObject = EventObject> {
  readonly name: string;
  /** Whether its name has wildcards: it can be subscribed to, and not published to. */
  readonly isPattern: boolean;
  /** For `system.ref(...)` and for sending it elsewhere: a ref to it publishes what it is sent. */
  readonly address: Address;
  /**
   * Sends an event to everybody who is subscribed now, on every node: at most once each, and in order per publisher
   * and subscriber. It says nothing about who got it. 2,000 subscribers of one node get it in one turn of the event loop;
   * what is published meanwhile waits there, 10,000 events at most, and one more is a dead letter, `overflow-new`.
   * @throws TuttiError `TUTTI_TOPIC_INVALID` when the name is a pattern
   */
  publish(event: Event): void;
  /**
   * Subscribes an actor, which gets the events as if they were sent to it, until it ends or takes it back. The name may
   * be a pattern: `*` stands for one part, `**` at the end for one or more. An actor that subscribes twice to one name
   * is subscribed once, with the first options, until both are taken back; by several patterns it gets an event once
   * for each.
   * @throws TuttiError `TUTTI_OVERLOADED` beyond {@link SUBSCRIPTIONS_MAX} subscriptions of this node.
   * `TUTTI_OPTION_INVALID` for the ref of a topic: two that are subscribed to each other would never come to rest
   */
  subscribe(subscriber: Ref, options?: SubscribeOptions): () => void;
}

/** Subscriptions that one node holds. */
export const SUBSCRIPTIONS_MAX = 1_000_000;
const WAITING_MAX_DEFAULT = 10_000;
/** At the two microseconds that each takes, some 5 ms. */
const GIVEN_PER_TURN = 2_000;
/** Events that wait until those before them have been given out. */
const PUBLISHED_MAX = 10_000;
const PREFIX = 'topic:';

export const topicAddress = (name: string): Address => PREFIX + name;

interface TopicsOptions {
  readonly self: { readonly nodeId: NodeId };
  readonly system: ActorSystem;
  readonly transport: Transport;
  readonly courier: Courier;
  readonly members: Members;
  readonly logger: Logger;
}

/** An event on its way to this node's subscribers. */
interface Published {
  readonly name: string;
  readonly event: EventObject;
  /** Who subscribed later than this one does not get it. */
  readonly upTo: number;
}

class Subscription {
  /** Counts those of this node. */
  readonly number: number;
  readonly #subscriber: Ref;
  readonly #options: SubscribeOptions;
  readonly #deadLetters: DeadLetters;
  readonly #logger: Logger;
  readonly #remove: () => void;
  readonly #unwatch: () => void;
  #isOver = false;

  constructor(
    number: number,
    subscriber: Ref,
    options: SubscribeOptions,
    { system, logger }: Pick<TopicsOptions, 'system' | 'logger'>,
    remove: () => void,
  ) {
    this.number = number;
    this.#subscriber = subscriber;
    this.#options = options;
    this.#deadLetters = system.deadLetters;
    this.#logger = logger;
    this.#remove = remove;
    this.#unwatch = subscriber.watch(() => this.#endBecause('gone'));
  }

  deliver(event: EventObject): void {
    if (this.#isOver) return;
    const { waitingMax = WAITING_MAX_DEFAULT, whenSlow } = this.#options;
    const subscriber = this.#subscriber;
    const isSlow = subscriber instanceof LocalRef && subscriber.mailboxDepth >= waitingMax;
    if (!isSlow) return subscriber.send(event);
    this.#deadLetters.publish(subscriber.address, event, 'slow-subscriber');
    if (whenSlow === 'unsubscribe') this.#endBecause('slow');
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unwatch();
    this.#remove();
  }

  #endBecause(reason: 'gone' | 'slow'): void {
    if (this.#isOver) return;
    this.end();
    const { onEnded } = this.#options;
    const { address } = this.#subscriber;
    if (onEnded) guarded(onEnded, address, this.#logger, 'the onEnded of a subscription threw')(reason);
  }
}

/**
 * Publish and subscribe over the cluster. Who subscribed is known on the subscriber's node alone; an event goes once to
 * each node that is a member, and is given out there. So a subscription is in force at once and costs no message, and
 * publishing costs one per node, whatever the number of subscribers.
 */
export class Topics implements AddressResolver {
  readonly #options: TopicsOptions;
  readonly #subscriptions = new TopicTree<Subscription>();
  /** By pattern and subscriber. */
  readonly #known = new Map<string, { readonly subscription: Subscription; holders: number }>();
  #numbersGiven = 0;
  /** What is being given out, and what comes after it. */
  readonly #published = new Ring<Published>(PUBLISHED_MAX);

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  /** @throws TuttiError `TUTTI_TOPIC_INVALID` */
  topic<Event extends EventObject>(name: string): Topic<Event> {
    const parts = checkTopic(name, true);
    const isPattern = parts.some((part) => part.startsWith('*'));
    return {
      name,
      isPattern,
      address: topicAddress(name),
      publish: (event) => {
        if (isPattern) throw new TuttiError('TUTTI_TOPIC_INVALID', { topic: name });
        this.#publish(name, event);
      },
      subscribe: (subscriber, options = {}) => this.#subscribe(parts, subscriber, options),
    };
  }

  matches(address: Address): boolean {
    return address.startsWith(PREFIX);
  }

  ref(address: Address): Ref {
    return new TopicRef(this.topic(address.slice(PREFIX.length)), this.#options.system.deadLetters);
  }

  /** An event that another node's publisher sent. */
  receive(_from: PeerIdentity, message: ActorMessage): void {
    if (message.t !== 'publish') return;
    const { courier, system } = this.#options;
    const event = courier.decode(message.event) as EventObject;
    if (foreignProblem(event) === undefined) this.#giveOut(message.topic, event);
    else system.deadLetters.publish(topicAddress(message.topic), event, 'unknown-kind');
  }

  #publish(name: string, event: EventObject): void {
    const { courier, members, self, system } = this.#options;
    this.#giveOut(name, event);
    let encoded: unknown;
    for (const { nodeId, state } of members.list()) {
      if (nodeId === self.nodeId || state === 'lost' || state === 'left') continue;
      try {
        encoded ??= encodeRefs(event);
        const outcome = courier.signal(nodeId, { t: 'publish', topic: name, event: encoded }, 'bulk');
        if (outcome !== 'queued') system.deadLetters.publish(topicAddress(name), event, 'unreachable');
      } catch (thrown) {
        const fields = { topic: name, event: event.type, problem: messageOf(thrown) };
        this.#options.logger.warn(fields, 'an event cannot cross the wire');
        system.deadLetters.publish(topicAddress(name), event, 'unreachable');
      }
    }
  }

  /** At once, unless there are very many of them, or of those before: then in slices, one event after the other. */
  #giveOut(name: string, event: EventObject): void {
    const { system } = this.#options;
    if (!this.#published.push({ name, event, upTo: this.#numbersGiven }))
      return system.deadLetters.publish(topicAddress(name), event, 'overflow-new');
    if (this.#published.size > 1) return;
    void inSlices(system.clock, this.#due(), (deliver) => this.#give(deliver), GIVEN_PER_TURN);
  }

  *#due(): Generator<() => void> {
    for (let next = this.#published.peek(); next; next = this.#published.peek()) {
      const { name, event, upTo } = next;
      for (const subscription of this.#subscriptions.match(name.split('.')))
        if (subscription.number <= upTo) yield () => subscription.deliver(event);
      this.#published.shift();
    }
  }

  /** Nobody else misses an event because of a ref that throws. */
  #give(deliver: () => void): void {
    try {
      deliver();
    } catch (thrown) {
      this.#options.logger.error({ problem: messageOf(thrown) }, 'a subscriber of a topic threw');
    }
  }

  #subscribe(pattern: readonly string[], subscriber: Ref, options: SubscribeOptions): () => void {
    if (this.matches(subscriber.address)) {
      const expected = 'the ref of an actor, which may publish what it gets';
      const details = { option: 'subscriber', value: subscriber.address, expected };
      throw new TuttiError('TUTTI_OPTION_INVALID', details);
    }
    const place = `${pattern.join('.')} ${subscriber.address}`;
    const known = this.#known.get(place);
    if (known) {
      known.holders++;
      return this.#release(place, known);
    }
    const { size } = this.#subscriptions;
    if (size >= SUBSCRIPTIONS_MAX)
      throw new TuttiError('TUTTI_OVERLOADED', { what: 'The topics', size, limit: SUBSCRIPTIONS_MAX });
    const remove = () => {
      this.#subscriptions.delete(pattern, subscription);
      this.#known.delete(place);
    };
    const number = ++this.#numbersGiven;
    const subscription: Subscription = new Subscription(number, subscriber, options, this.#options, remove);
    this.#subscriptions.add(pattern, subscription);
    const added = { subscription, holders: 1 };
    this.#known.set(place, added);
    return this.#release(place, added);
  }

  #release(place: string, held: { readonly subscription: Subscription; holders: number }): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld || this.#known.get(place) !== held) return;
      isHeld = false;
      if (--held.holders === 0) held.subscription.end();
    };
  }
}

/** A topic where a ref is wanted. It has no life and no state: it is never gone, and nobody answers for it. */
class TopicRef implements Ref {
  readonly address: Address;
  readonly #topic: Topic;
  readonly #deadLetters: DeadLetters;

  constructor(topic: Topic, deadLetters: DeadLetters) {
    this.#topic = topic;
    this.#deadLetters = deadLetters;
    this.address = topic.address;
  }

  send(event: EventObject): void {
    if (this.#topic.isPattern) this.#deadLetters.publish(this.address, event, 'unknown-actor');
    else this.#topic.publish(event);
  }

  ask<Reply>(_event: EventObject, _options?: AskOptions): Promise<Reply> {
    return Promise.reject(this.#unknown('nobody answers for a topic'));
  }

  watch(_listener: (notice: Terminated) => void): () => void {
    return () => {};
  }

  subscribe(): () => void {
    return () => {};
  }

  stop(): Promise<void> {
    return Promise.reject(this.#unknown('a topic cannot be stopped'));
  }

  #unknown(why: string): TuttiError {
    return new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: `${this.address} (${why})`, isFinal: true });
  }
}

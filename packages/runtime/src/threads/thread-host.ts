import {
  type Clock,
  incarnation,
  type Logger,
  messageOf,
  type NodeId,
  randomIds,
  seededRandom,
  type ThreadData,
  TuttiError,
} from '@tutti/kernel';
import type { AnyActorLogic } from 'xstate';
import { AskTable } from '../actor/ask.ts';
import type { Address } from '../actor/ref.ts';
import { logicName } from '../actor/xstate-adapter.ts';
import { errorToWire } from '../cluster/wire-error.ts';
import type { DeadLetter } from '../mailbox/dead-letters.ts';
import { supervisionOf } from '../supervision/supervisor.ts';
import { LocalActorSystem } from '../system/local-actor-system.ts';
import { uncloneable } from './outpost.ts';
import { type Batch, ThreadLink } from './thread-link.ts';
import type { FromThread, ToThread } from './thread-messages.ts';
import { ThreadRefs } from './thread-refs.ts';
import { ThreadResident } from './thread-resident.ts';

/** The doors of a thread. */
export interface ThreadHostOptions {
  /** What the node gave it to begin with. */
  readonly data: ThreadData;
  readonly clock: Clock;
  /** To the node. Throws when the value cannot be cloned. */
  readonly post: (value: unknown) => void;
  /** Imports the module and takes the export. */
  readonly load: (module: string, exported: string) => Promise<unknown>;
}

/** Asks of one thread that wait for an answer. */
const ASKS_MAX = 100_000;
/** Kinds of dead letters that are summed up between two batches. */
const LETTERS_MAX = 1_024;

const isLogic = (value: unknown): value is AnyActorLogic =>
  typeof value === 'object' &&
  value !== null &&
  'transition' in value &&
  'getInitialSnapshot' in value &&
  typeof value.transition === 'function';

/**
 * The inside of a thread: an actor system of its own whose actors are called what the cells that stand for them on the
 * node are called, and everything else is reached through the node. Nothing is supervised here: what fails ends, and the
 * node hears of it.
 */
export class ThreadHost {
  readonly #options: ThreadHostOptions;
  readonly #system: LocalActorSystem;
  readonly #link: ThreadLink<FromThread, ToThread>;
  readonly #refs: ThreadRefs;
  readonly #residents = new Map<number, ThreadResident>();
  /** By address: those whose messages the node keeps, also some that have ended. */
  readonly #keepers = new Map<Address, Set<ThreadResident>>();
  /** Those that have something to tell. */
  readonly #changed = new Set<ThreadResident>();
  readonly #letters = new Map<string, Extract<FromThread, { t: 'dead' }> & { count: number }>();

  constructor(options: ThreadHostOptions) {
    this.#options = options;
    const { data, clock, post } = options;
    const random = seededRandom(Number(data['seed']));
    const logger = this.#logger();
    this.#system = new LocalActorSystem({
      nodeId: `${String(data['node'])}.t${String(data['thread'])}` as NodeId,
      incarnation: incarnation(Number(data['incarnation'])),
      clock,
      random: random.fork('actors'),
      ids: randomIds(random.fork('ids')),
      logger,
    });
    this.#system.deadLetters.onDeadLetter((letter) => this.#dead(letter));
    this.#link = new ThreadLink({
      clock,
      post,
      onMessage: (message) => this.#receive(message),
      onRefused: (message, error) => this.#refused(message, error),
      onClosing: () => this.#sumUp(),
    });
    const asks = new AskTable(clock, this.#system.deadLetters, ASKS_MAX, () => this.#system.askDeadline);
    this.#refs = new ThreadRefs({
      asks,
      clock,
      logger,
      waiting: () => this.#link.waiting,
      push: (message) => this.#link.push(message),
      ref: (address) => this.#system.ref(address),
      dead: (address, event, reason) => this.#system.deadLetters.publish(address, event, reason),
    });
    this.#system.addResolver(this.#refs);
  }

  /** What the node posted. */
  receive(batch: unknown): void {
    this.#link.receive(batch as Batch);
  }

  #receive(message: ToThread): void {
    if (message.t === 'ping') return this.#link.push({ t: 'pong' });
    if ('id' in message) return this.#refs.receive(message);
    if (message.t === 'start') return this.#start(message);
    this.#residents.get(message.life)?.receive(message);
  }

  #start(start: Extract<ToThread, { t: 'start' }>): void {
    const { life, address, module, exported } = start;
    const resident: ThreadResident = new ThreadResident({
      life,
      address,
      clock: this.#options.clock,
      system: this.#system,
      push: (said) => this.#link.push(said),
      changed: () => {
        this.#changed.add(resident);
        this.#link.schedule();
      },
      ended: () => void this.#residents.delete(life),
      buried: () => {
        keepers.delete(resident);
        if (keepers.size === 0 && this.#keepers.get(address) === keepers) this.#keepers.delete(address);
      },
    });
    this.#residents.set(life, resident);
    const keepers = this.#keepers.get(address) ?? new Set<ThreadResident>();
    this.#keepers.set(address, keepers.add(resident));
    void this.#load(module, exported).then(
      (logic) => {
        const name = supervisionOf(logic) ? 'supervisor' : logicName(logic);
        resident.begin(logic, name, start);
      },
      (thrown: unknown) => {
        const error = errorToWire(thrown, address);
        resident.end({ reason: 'failed', problem: error.message, error, view: undefined });
      },
    );
  }

  async #load(module: string, exported: string): Promise<AnyActorLogic> {
    const refuse = (problem: string, cause?: unknown) =>
      new TuttiError('TUTTI_THREAD_MODULE', { module, exported, problem }, { cause });
    let found: unknown;
    try {
      found = await this.#options.load(module, exported);
    } catch (error) {
      throw refuse(messageOf(error), error);
    }
    if (found === undefined) throw refuse('it has no such export');
    if (!isLogic(found)) throw refuse('the export is no actor logic');
    return found;
  }

  #sumUp(): void {
    for (const resident of this.#changed) resident.tell();
    this.#changed.clear();
    for (const letter of this.#letters.values()) this.#link.push(letter);
    this.#letters.clear();
  }

  #dead({ address, event, reason }: DeadLetter): void {
    for (const resident of this.#keepers.get(address) ?? []) if (resident.keeps(event, reason)) return;
    const key = `${reason} ${event.type} ${address}`;
    const known = this.#letters.get(key);
    if (known) known.count++;
    else if (this.#letters.size < LETTERS_MAX) {
      this.#letters.set(key, { t: 'dead', address, type: event.type, reason, count: 1 });
    }
    this.#link.schedule();
  }

  /** All else is numbers and texts, which cross. */
  #refused(message: FromThread, error: unknown): void {
    const { t } = message;
    if (t === 'send' || t === 'ask') this.#refs.refused(message, error);
    else if (t === 'reply') {
      const wire = errorToWire(uncloneable('A reply', error), '');
      this.#link.push({ t: 'fail', life: message.life, seq: message.seq, error: wire });
    } else if (t === 'ended') this.#link.push({ ...message, end: { ...message.end, view: undefined } });
    else if (t === 'snapshot') {
      const text = 'a snapshot cannot be shown outside of its thread';
      this.#link.push({ t: 'log', level: 'error', fields: { problem: messageOf(error) }, text });
    } else if (t === 'log') this.#link.push({ ...message, fields: {} });
  }

  /** What the node would say again, of actors that fail and letters that are dead, is left to it. */
  #logger(): Logger {
    const say = (level: 'info' | 'error') => (fields: object, text: string) => {
      if (this.#link.waiting < LETTERS_MAX) this.#link.push({ t: 'log', level, fields, text });
    };
    return { debug() {}, info: say('info'), warn() {}, error: say('error') };
  }
}

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '@tutti/kernel';
import {
  type ActorNodeInfo,
  type HistoryEntry,
  type HistoryQuery,
  MessageHistory,
  Meter,
  namesActor,
} from '@tutti/runtime';
import type { TuttiNode } from '../node/create-node.ts';
import type { ActorTop, NodeMessages, NodeTop, NodeTrace } from './look-in-api.ts';

/** How long it goes on measuring, or tracing, when nobody asks any more. */
const PATIENCE_MS = 15_000;
/** Actors that one answer shows. */
const ACTORS_MAX = 50;
/** What is kept of a traced actor between two answers. */
const TRACED_MAX = 1_000;
/** Traces at one time; of more, the oldest ends. */
const TRACES_MAX = 16;
const LAG_RESOLUTION_MS = 10;

interface Trace {
  readonly history: MessageHistory;
  readonly stop: () => void;
  /** Where the entity is that the text names, if it is one's. */
  entities: ReadonlySet<string>;
  usedAt: number;
}

/** Looks into the actors of one node for as long as somebody asks: what nobody looks at costs nothing. */
export class LookIn {
  readonly #node: TuttiNode;
  readonly #lag: ReturnType<typeof monitorEventLoopDelay>;
  readonly #traces = new Map<string, Trace>();
  readonly #sweep: NodeJS.Timeout;
  #meter: { readonly meter: Meter; readonly stop: () => void; since: number } | undefined;
  #history:
    | { readonly history: MessageHistory; readonly stop: () => void; readonly perActor: number }
    | undefined;

  constructor(node: TuttiNode) {
    this.#node = node;
    this.#lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
    this.#lag.enable();
    this.#sweep = setInterval(() => this.#forget(), PATIENCE_MS / 3).unref();
  }

  /** What the node does now. The first answer has no rates: it begins to count. */
  top(): NodeTop {
    const { system } = this.#node.parts;
    const now = systemClock.now();
    const isFirst = !this.#meter;
    if (!this.#meter) {
      const meter = new Meter();
      this.#meter = { meter, stop: system.record(meter), since: now };
    }
    const seconds = Math.max(0.001, (now - this.#meter.since) / 1_000);
    const handled = this.#meter.meter.take();
    this.#meter.since = now;
    const actors = this.#actors(isFirst ? undefined : handled, seconds);
    const milliseconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - LAG_RESOLUTION_MS);
    const lagMs = {
      p50: milliseconds(this.#lag.percentile(50)),
      p99: milliseconds(this.#lag.percentile(99)),
    };
    const lag = { ...lagMs, max: milliseconds(this.#lag.max) };
    this.#lag.reset();
    const total = [...handled.values()].reduce((sum, count) => sum + count, 0);
    return {
      node: this.#node.id,
      seconds: isFirst ? 0 : seconds,
      actorCount: system.actorCount,
      perSecond: isFirst ? undefined : total / seconds,
      waiting: actors.reduce((sum, { mailboxDepth }) => sum + mailboxDepth, 0),
      restarts: actors.reduce((sum, { restarts }) => sum + restarts, 0),
      lagMs: lag,
      deadLetters: Object.values(system.deadLetters.counts()).reduce((sum, count) => sum + count, 0),
      actors: actors.slice(0, ACTORS_MAX),
    };
  }

  /** Every actor, those with most to do first. */
  #actors(handled: ReadonlyMap<string, number> | undefined, seconds: number): readonly ActorTop[] {
    const found: ActorTop[] = [];
    const open: ActorNodeInfo[] = [...this.#node.parts.system.tree()];
    for (let info = open.pop(); info; info = open.pop()) {
      const { children, value: _, thread, ...actor } = info;
      const logic = thread === undefined ? actor.logic : `${actor.logic} on thread ${thread}`;
      const perSecond = handled && (handled.get(actor.address) ?? 0) / seconds;
      found.push({ ...actor, logic, perSecond });
      open.push(...children);
    }
    return found.sort(
      (a, b) =>
        b.mailboxDepth - a.mailboxDepth ||
        (b.perSecond ?? 0) - (a.perSecond ?? 0) ||
        b.restarts - a.restarts ||
        (a.path < b.path ? -1 : 1),
    );
  }

  /** Keeps so many messages of each actor from now on; 0 ends that and forgets them. */
  record(perActor: number): NodeMessages {
    this.#history?.stop();
    this.#history = undefined;
    if (perActor > 0) {
      const history = new MessageHistory(systemClock, { perActor });
      this.#history = { history, stop: this.#node.parts.system.record(history), perActor };
    }
    return this.messages({ limit: 0 });
  }

  messages(query: HistoryQuery): NodeMessages {
    const { history, perActor = 0 } = this.#history ?? {};
    const entities = query.actor === undefined ? [] : this.#named(query.actor).entities;
    const actors = entities.length > 0 ? entities : [query.actor];
    const entries = actors.flatMap(
      (actor) => history?.query(actor === undefined ? query : { ...query, actor }) ?? [],
    );
    return { node: this.#node.id, perActor, entries: entries.map(shown) };
  }

  /** What an actor has handled after the entry of that number. The first call begins to trace it. */
  trace(ref: string, from: number): NodeTrace {
    let trace = this.#traces.get(ref);
    if (!trace) {
      this.#makeRoom();
      const wants = ({ address }: { readonly address: string }) =>
        namesActor(ref, address) || this.#traces.get(ref)?.entities.has(address) === true;
      const history = new MessageHistory(systemClock, { perActor: TRACED_MAX, wants });
      const stop = this.#node.parts.system.record(history);
      trace = { history, stop, entities: new Set(), usedAt: 0 };
      this.#traces.set(ref, trace);
    }
    trace.usedAt = systemClock.now();
    const { actors, entities } = this.#named(ref);
    trace.entities = new Set(entities);
    const entries = trace.history.query().filter(({ number }) => number > from);
    return { node: this.#node.id, actors, entries: entries.map(shown) };
  }

  /** The actors that a text names, and of these the addresses of those that it names as entities. */
  #named(ref: string): { readonly actors: readonly ActorTop[]; readonly entities: readonly string[] } {
    const isEntity = ({ entity }: ActorTop) => entity === ref || entity === `entity:${ref}`;
    const actors = this.#actors(undefined, 1).filter(
      (actor) => isEntity(actor) || namesActor(ref, actor.address),
    );
    return { actors, entities: actors.filter(isEntity).map(({ address }) => address) };
  }

  close(): void {
    clearInterval(this.#sweep);
    this.#lag.disable();
    this.#meter?.stop();
    this.#history?.stop();
    for (const { stop } of this.#traces.values()) stop();
    this.#traces.clear();
  }

  #makeRoom(): void {
    if (this.#traces.size < TRACES_MAX) return;
    const [oldest] = [...this.#traces].sort(([, a], [, b]) => a.usedAt - b.usedAt)[0]!;
    this.#traces.get(oldest)!.stop();
    this.#traces.delete(oldest);
  }

  #forget(): void {
    const before = systemClock.now() - PATIENCE_MS;
    for (const [ref, { usedAt, stop }] of this.#traces) {
      if (usedAt >= before) continue;
      stop();
      this.#traces.delete(ref);
    }
    if (!this.#meter || this.#meter.since >= before) return;
    this.#meter.stop();
    this.#meter = undefined;
  }
}

/** An event may hold what JSON cannot say. */
function shown(entry: HistoryEntry): HistoryEntry {
  try {
    return { ...entry, event: JSON.parse(JSON.stringify(entry.event)) as HistoryEntry['event'] };
  } catch {
    return { ...entry, event: { type: entry.type } };
  }
}

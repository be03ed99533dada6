import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Heap, systemClock } from '@tutti/kernel';
import {
  type ActorInfo,
  type ActorNodeInfo,
  type HistoryEntry,
  type HistoryQuery,
  MessageHistory,
  Meter,
  namesRecorded,
  type RecordedActor,
} from '@tutti/runtime';
import type { TuttiNode } from '../node/create-node.ts';
import type { ActorTop, NodeMessages, NodeTop, NodeTrace, NodeTree } from './look-in-api.ts';

/** How long it goes on measuring, or tracing, when nobody asks any more. */
const PATIENCE_MS = 15_000;
/** Actors that one answer shows. */
const ACTORS_MAX = 50;
/** Actors that one tree shows. */
const TREE_MAX = 10_000;
/** What is kept of a traced actor between two answers. */
const TRACED_MAX = 1_000;
/** Actors that one text may name. Of more, the one that was idle longest is forgotten. */
const TRACED_ACTORS_MAX = 100;
/** Traces at one time; of more, the oldest ends. */
const TRACES_MAX = 16;
const LAG_RESOLUTION_MS = 10;

interface Trace {
  readonly history: MessageHistory;
  readonly stop: () => void;
  /** No other trace of the cluster's node has it. */
  readonly run: string;
  usedAt: number;
}

/** Looks into the actors of one node for as long as somebody asks: what nobody looks at costs nothing. */
export class LookIn {
  readonly #node: TuttiNode;
  readonly #lag: ReturnType<typeof monitorEventLoopDelay>;
  readonly #traces = new Map<string, Trace>();
  readonly #sweep: NodeJS.Timeout;
  #topping: Promise<NodeTop> | undefined;
  #tracesBegun = 0;
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

  /** What the node does now. The first answer has no rates: it begins to count. Who asks meanwhile gets the same. */
  top(): Promise<NodeTop> {
    this.#topping ??= this.#top().finally(() => {
      this.#topping = undefined;
    });
    return this.#topping;
  }

  async #top(): Promise<NodeTop> {
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
    const lagMs = this.#lagMs();
    let [total, waiting, restarts] = [0, 0, 0];
    for (const count of handled.values()) total += count;
    const busiest = new Heap<ActorTop>((a, b) => byBusiness(b, a));
    await system.survey((actor) => {
      waiting += actor.mailboxDepth;
      restarts += actor.restarts;
      const perSecond = isFirst ? undefined : (handled.get(actor.address) ?? 0) / seconds;
      const shown = shownActor(actor, perSecond);
      if (busiest.size === ACTORS_MAX) {
        if (byBusiness(shown, busiest.peek()!) > 0) return;
        busiest.pop();
      }
      busiest.push(shown);
    });
    const actors: ActorTop[] = [];
    for (let actor = busiest.pop(); actor; actor = busiest.pop()) actors.push(actor);
    return {
      node: this.#node.id,
      seconds: isFirst ? 0 : seconds,
      actorCount: system.actorCount,
      perSecond: isFirst ? undefined : total / seconds,
      waiting,
      restarts,
      lagMs,
      deadLetters: Object.values(system.deadLetters.counts()).reduce((sum, count) => sum + count, 0),
      actors: actors.reverse(),
    };
  }

  /** Since it was asked last. */
  #lagMs(): NodeTop['lagMs'] {
    const milliseconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - LAG_RESOLUTION_MS);
    const [p50, p99] = [50, 99].map((share) => milliseconds(this.#lag.percentile(share)));
    const max = milliseconds(this.#lag.max);
    this.#lag.reset();
    return { p50: p50!, p99: p99!, max };
  }

  /** The actors under their supervisors, the upper ones first as far as there is room. */
  async tree(): Promise<NodeTree> {
    const tree: ActorNodeInfo[] = [];
    const below = new Map<ActorInfo, ActorNodeInfo[]>();
    let notShown = 0;
    await this.#node.parts.system.survey((actor, parent) => {
      const beside = parent ? below.get(parent) : tree;
      if (!beside || below.size >= TREE_MAX) {
        notShown++;
        return;
      }
      const children: ActorNodeInfo[] = [];
      below.set(actor, children);
      beside.push({ ...actor, children });
    });
    return { node: this.#node.id, tree, notShown };
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
    const entries = history?.query(query) ?? [];
    return { node: this.#node.id, perActor, entries: entries.map(shown) };
  }

  /**
   * What an actor has handled after the entry of that number. The first call begins to trace it.
   * @param withActors Whether to look for those that the text names now
   */
  async trace(ref: string, from: number, withActors = false): Promise<NodeTrace> {
    const trace = this.#traces.get(ref) ?? this.#beginTrace(ref);
    trace.usedAt = systemClock.now();
    const actors: ActorTop[] = [];
    if (withActors)
      await this.#node.parts.system.survey((actor) => {
        if (actors.length < TRACED_ACTORS_MAX && namesRecorded(ref, actor))
          actors.push(shownActor(actor, undefined));
      });
    const { history, run } = trace;
    const entries = history.query({ limit: Infinity }).filter(({ number }) => number > from);
    return { node: this.#node.id, actors, run, count: history.count, entries: entries.map(shown) };
  }

  #beginTrace(ref: string): Trace {
    this.#makeRoom();
    const wants = (actor: RecordedActor) => namesRecorded(ref, actor);
    const history = new MessageHistory(systemClock, {
      perActor: TRACED_MAX,
      actorsMax: TRACED_ACTORS_MAX,
      wants,
    });
    const stop = this.#node.parts.system.record(history);
    const run = `${this.#node.incarnation}.${++this.#tracesBegun}`;
    const trace = { history, run, stop, usedAt: 0 };
    this.#traces.set(ref, trace);
    return trace;
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

/** Those with most to do first. */
function byBusiness(a: ActorTop, b: ActorTop): number {
  return (
    b.mailboxDepth - a.mailboxDepth ||
    (b.perSecond ?? 0) - (a.perSecond ?? 0) ||
    b.restarts - a.restarts ||
    (a.path < b.path ? -1 : 1)
  );
}

function shownActor(info: ActorInfo, perSecond: number | undefined): ActorTop {
  const { value: _value, thread, ...actor } = info;
  const logic = thread === undefined ? actor.logic : `${actor.logic} on thread ${thread}`;
  return { ...actor, logic, perSecond };
}

/** An event may hold what JSON cannot say. */
function shown(entry: HistoryEntry): HistoryEntry {
  try {
    return { ...entry, event: JSON.parse(JSON.stringify(entry.event)) as HistoryEntry['event'] };
  } catch {
    return { ...entry, event: { type: entry.type } };
  }
}

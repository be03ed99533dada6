import { isTuttiError, type Logger, TuttiError, type ValueCodec, type WireValue } from '@tutti/kernel';
import type { ApplyContext, ModuleRestorer, ModuleWatcher, ReplicatedModule } from '../consensus.ts';
import type { Entry } from '../raft/messages.ts';
import { decodeCommand, moduleNameIn, NameTable } from './command.ts';
import { ModuleWatchers } from './module-watchers.ts';
import { type Outcome, type SessionRow, SessionTable } from './session-table.ts';

/** Told of the outcome of every command and opening, as the log gives them. */
export interface OutcomeListener {
  /** `expired`: the command was not applied, because its session is forgotten. */
  commandApplied(session: number, sequence: number, outcome: Outcome | 'expired'): void;
  sessionOpened(nonce: string, session: number): void;
}

/** The replicated state as it was between two entries. Sessions and parts may still be built lazily. */
export interface CapturedState {
  readonly timeMs: number;
  readonly appliedBytes: number;
  readonly sessions: Iterable<SessionRow>;
  readonly modules: readonly { readonly name: string; readonly parts: Iterable<WireValue> }[];
}

/** Takes a captured state in, value by value; it shows when `finish` is called, and not before. */
export interface StateRestorer {
  begin(timeMs: number, appliedBytes: number): void;
  session(row: SessionRow): void;
  /** The parts that follow are this module's. @throws TuttiError `TUTTI_MODULE_UNKNOWN` */
  module(name: string): void;
  part(value: WireValue): void;
  finish(tell: (watcher: ModuleWatcher) => void): void;
}

/**
 * The state machine of a replica: named modules, client sessions, and the log's time. It changes by {@link apply}
 * and {@link restore} alone, so equal logs make equal states.
 */
export class ModuleHost {
  readonly sessions = new SessionTable();
  readonly names = new NameTable();
  readonly #modules = new Map<string, ReplicatedModule>();
  readonly #watchers: ModuleWatchers;
  readonly #codec: ValueCodec;
  #timeMs = 0;
  #appliedBytes = 0;
  #applied = 0;
  #duplicates = 0;
  #reopened = 0;

  constructor(codec: ValueCodec, logger: Logger) {
    this.#codec = codec;
    this.#watchers = new ModuleWatchers(logger);
  }

  /** The time of the last entry applied, in milliseconds since 1970. */
  get timeMs(): number {
    return this.#timeMs;
  }

  /** Bytes of all entries applied since the log began; the same on every node that applied as far. */
  get appliedBytes(): number {
    return this.#appliedBytes;
  }

  get appliedCount(): number {
    return this.#applied;
  }

  get duplicateCount(): number {
    return this.#duplicates;
  }

  get reopenedCount(): number {
    return this.#reopened;
  }

  /** @throws TuttiError `TUTTI_MODULE_DUPLICATE` */
  register(module: ReplicatedModule): void {
    if (this.#modules.has(module.name))
      throw new TuttiError('TUTTI_MODULE_DUPLICATE', { module: module.name });
    this.names.bytesOf(module.name);
    this.#modules.set(module.name, module);
  }

  has(name: string): boolean {
    return this.#modules.has(name);
  }

  /** Whether this command, as it would stand in the log, is for a module that there is; an opening is for none. */
  knows(frame: Uint8Array): boolean {
    const name = moduleNameIn(frame, this.names);
    return name === undefined || this.has(name);
  }

  watch(name: string, watcher: ModuleWatcher): () => void {
    return this.#watchers.add(name, watcher);
  }

  /**
   * Applies one entry. Throws when this node cannot go on: the module is unknown, or it threw what is no TuttiError.
   */
  apply(entry: Entry, listener: OutcomeListener): void {
    this.#appliedBytes += entry.data.length;
    if (entry.kind !== 'command') return;
    const command = decodeCommand(entry.data, this.names);
    // A new leader's clock may be behind the old one's; the log's time still never goes back.
    this.#timeMs = Math.max(this.#timeMs, command.timeMs);
    if (command.form === 'open') {
      const { nonce, sessionsMax } = command;
      if (this.sessions.sessionOf(nonce) !== undefined) this.#reopened++;
      this.sessions.open(entry.index, sessionsMax, nonce);
      listener.sessionOpened(nonce, entry.index);
      return;
    }
    const { session, sequence } = command;
    const admission = this.sessions.admit(session, sequence, command.acked);
    if (admission.verdict === 'expired') return listener.commandApplied(session, sequence, 'expired');
    if (admission.verdict !== 'new') {
      this.#duplicates++;
      if (admission.verdict === 'repeated') listener.commandApplied(session, sequence, admission.outcome);
      return;
    }
    const module = this.#modules.get(command.module);
    if (!module) throw unknown(command.module);
    const context: ApplyContext = { index: entry.index, timeMs: this.#timeMs };
    let value: WireValue;
    const outcome = outcomeOf(() => {
      // Bytes that are no value are refused like any other bad command, by every node alike.
      value = this.#codec.decode(command.body);
      return module.apply(value, context);
    });
    this.#applied++;
    this.sessions.record(session, sequence, outcome);
    this.#watchers.tell(module.name, (watcher) =>
      watcher.applied?.(value, 'result' in outcome ? outcome.result : outcome.refusal, context),
    );
    listener.commandApplied(session, sequence, outcome);
  }

  /** Captures everything at once; the modules build their parts when they are asked for. */
  capture(): CapturedState {
    const modules = [...this.#modules.values()].map((m) => ({ name: m.name, parts: begun(m.snapshot()) }));
    return {
      timeMs: this.#timeMs,
      appliedBytes: this.#appliedBytes,
      sessions: this.sessions.capture(),
      modules,
    };
  }

  /** Begins to replace the whole state. */
  restorer(): StateRestorer {
    let timeMs = 0;
    let appliedBytes = 0;
    const sessions: SessionRow[] = [];
    const modules = new Map<string, ModuleRestorer>();
    let current: ModuleRestorer | undefined;
    return {
      begin: (time, bytes) => {
        timeMs = time;
        appliedBytes = bytes;
      },
      session: (row) => void sessions.push(row),
      module: (name) => {
        const module = this.#modules.get(name);
        if (!module) throw unknown(name);
        modules.set(name, (current = module.restorer?.() ?? gathering(module)));
      },
      part: (value) => current!.add(value),
      finish: (tell) => {
        this.#timeMs = timeMs;
        this.#appliedBytes = appliedBytes;
        this.sessions.restore(sessions);
        for (const restorer of modules.values()) restorer.finish();
        for (const name of modules.keys()) this.#watchers.tell(name, tell);
      },
    };
  }
}

const unknown = (module: string): TuttiError =>
  new TuttiError('TUTTI_MODULE_UNKNOWN', { module, who: 'this node' });

function outcomeOf(apply: () => WireValue): Outcome {
  try {
    return { result: apply() };
  } catch (thrown) {
    if (isTuttiError(thrown)) return { refusal: thrown };
    throw thrown;
  }
}

/**
 * A generator's body does not begin to run before its first value is asked for; asking for it now lets a module
 * that is written as one capture its state at once.
 */
function begun(parts: Iterable<WireValue>): Iterable<WireValue> {
  const iterator = parts[Symbol.iterator]();
  const first = iterator.next();
  return (function* rest() {
    for (let item = first; !item.done; item = iterator.next()) yield item.value;
  })();
}

/** For a module that takes its parts at once. */
function gathering(module: ReplicatedModule): ModuleRestorer {
  const parts: WireValue[] = [];
  return { add: (part) => void parts.push(part), finish: () => module.restore(parts) };
}

import {
  type Clock,
  isTuttiError,
  logIndex,
  type Random,
  silentLogger,
  TuttiError,
  type WireValue,
} from '@tutti/kernel';
import type { ApplyContext, ModuleWatcher, ReplicatedHandle, ReplicatedModule } from '@tutti/runtime';

/** What goes wrong between a node and the log, each drawn from the seed. Times in milliseconds. */
export interface LogFaults {
  /** From a proposal to its place in the log, from 0 to this; default 0. */
  readonly proposeMsMax?: number;
  /** From there to each node's copy, and to the answer, from 0 to this; default 0. */
  readonly applyMsMax?: number;
  /** How many proposals do not reach the log, 0 to 1; default 0. */
  readonly lost?: number;
  /** How many take effect but are not answered, 0 to 1; default 0. */
  readonly unanswered?: number;
}

/** What a proposal whose answer was lost is told. */
const UNANSWERED = { what: 'A proposal', when: 'in time' };

interface Entry {
  readonly text: string;
  readonly context: ApplyContext;
}

/** One order of commands with a copy of the module on every node: what a log does, without how it does it. */
export class SharedLog<Module extends ReplicatedModule> {
  /** Has applied everything. */
  readonly truth: Module;
  readonly #makeModule: () => Module;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #faults: Required<LogFaults>;
  readonly #entries: Entry[] = [];
  readonly #copies = new Map<string, Copy<Module>>();

  constructor(makeModule: () => Module, clock: Clock, random: Random, faults: LogFaults = {}) {
    this.#makeModule = makeModule;
    this.#clock = clock;
    this.#random = random;
    this.#faults = { proposeMsMax: 0, applyMsMax: 0, lost: 0, unanswered: 0, ...faults };
    this.truth = makeModule();
  }

  /** A new life of a node begins with a copy that has caught up. */
  open(node: string): ReplicatedHandle<Module> {
    const copy = new Copy(this.#makeModule());
    this.#copies.get(node)?.close();
    this.#copies.set(node, copy);
    copy.receive(this.#entries);
    return {
      module: copy.module,
      propose: <Result>(command: WireValue) => this.#propose(copy, command) as Promise<Result>,
      readBarrier: () => this.#readBarrier(copy),
      logger: silentLogger,
      watch: (watcher) => copy.watch(watcher),
    };
  }

  /** The node is dead: its copy changes no more, and nothing it waits for comes. */
  close(node: string): void {
    this.#copies.get(node)?.close();
  }

  /** Cuts a node off, or lets it in again: then it catches up at once. */
  cut(node: string, isCut: boolean): void {
    const copy = this.#copies.get(node)!;
    copy.isCut = isCut;
    if (!isCut) copy.receive(this.#entries);
  }

  #delay(max: number, action: () => void): void {
    if (max === 0) this.#clock.nextTurn(action);
    else this.#clock.setTimer(this.#random.integer(0, max), action);
  }

  #propose(copy: Copy<Module>, command: WireValue): Promise<WireValue> {
    const text = JSON.stringify(command);
    return new Promise((resolve, reject) => {
      const reply = (action: () => void) =>
        this.#delay(this.#faults.applyMsMax, () => {
          if (copy.isClosed) return;
          if (copy.isCut) reject(new TuttiError('TUTTI_OUTCOME_UNKNOWN', UNANSWERED));
          else action();
        });
      this.#delay(this.#faults.proposeMsMax, () => {
        if (copy.isClosed) return;
        if (copy.isCut || this.#random.chance(this.#faults.lost))
          return reject(new TuttiError('TUTTI_NO_LEADER', { known: 'none' }));
        const outcome = this.#append(text);
        if (this.#random.chance(this.#faults.unanswered))
          reply(() => reject(new TuttiError('TUTTI_OUTCOME_UNKNOWN', UNANSWERED)));
        else if (isTuttiError(outcome)) reply(() => reject(outcome));
        else reply(() => resolve(outcome));
      });
    });
  }

  #append(text: string): unknown {
    const context = { index: logIndex(this.#entries.length + 1), timeMs: this.#clock.wallTime() };
    this.#entries.push({ text, context });
    const outcome = applyTo(this.truth, text, context);
    const reach = this.#entries.length;
    for (const copy of this.#copies.values())
      this.#delay(this.#faults.applyMsMax, () => copy.receive(this.#entries, reach));
    return outcome;
  }

  #readBarrier(copy: Copy<Module>) {
    return new Promise<ReturnType<typeof logIndex>>((resolve, reject) => {
      this.#delay(this.#faults.proposeMsMax, () => {
        if (copy.isCut) return reject(new TuttiError('TUTTI_NO_LEADER', { known: 'none' }));
        copy.receive(this.#entries);
        resolve(logIndex(this.#entries.length));
      });
    });
  }
}

class Copy<Module extends ReplicatedModule> {
  readonly module: Module;
  isCut = false;
  isClosed = false;
  #applied = 0;
  readonly #watchers = new Set<ModuleWatcher>();

  constructor(module: Module) {
    this.module = module;
  }

  watch(watcher: ModuleWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Applies what it has not, up to entry number `reach`. */
  receive(entries: readonly Entry[], reach = entries.length): void {
    while (!this.isCut && !this.isClosed && this.#applied < reach) {
      const { text, context } = entries[this.#applied++]!;
      const outcome = applyTo(this.module, text, context);
      for (const watcher of this.#watchers) watcher.applied?.(JSON.parse(text), outcome, context);
    }
  }

  close(): void {
    this.isClosed = true;
    this.#watchers.clear();
  }
}

function applyTo(module: ReplicatedModule, text: string, context: ApplyContext): unknown {
  try {
    return module.apply(JSON.parse(text), context);
  } catch (thrown) {
    if (!isTuttiError(thrown)) throw thrown;
    return thrown;
  }
}

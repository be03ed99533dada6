import { type Clock, type Logger, messageOf } from '@tutti/kernel';

/**
 * The phases of a stop, in order. `unbind`: nothing new is taken in from outside; everything still runs.
 * `hand-over`: the others take this node's shards. `stop-actors`: what runs here ends. `leave`: the cluster is told.
 * `close`: links and the log are closed.
 */
export const SHUTDOWN_PHASES = ['unbind', 'hand-over', 'stop-actors', 'leave', 'close'] as const;
/** One of {@link SHUTDOWN_PHASES}, which a stop goes through in their order. */
export type ShutdownPhase = (typeof SHUTDOWN_PHASES)[number];

/** Something to be done in a phase. What it throws is logged, and the stop goes on. */
export type ShutdownTask = () => Promise<unknown> | undefined | void;

interface CoordinatedShutdownOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a phase may take; what is not done by then is left to itself. */
  readonly phaseMs: number;
}

interface Registered {
  readonly phase: ShutdownPhase;
  readonly name: string;
  readonly task: ShutdownTask;
}

/**
 * Ends a node in an order that everybody can hook into. The tasks of one phase run side by side, then the node's own work
 * of that phase; the next begins when both are done or their time is over. A task that hangs so delays a stop by no more
 * than its phase.
 */
export class CoordinatedShutdown {
  readonly #options: CoordinatedShutdownOptions;
  readonly #tasks = new Set<Registered>();
  #phase: ShutdownPhase | undefined;

  constructor(options: CoordinatedShutdownOptions) {
    this.#options = options;
  }

  /** The phase that is under way, or the last one. */
  get phase(): ShutdownPhase | undefined {
    return this.#phase;
  }

  /** Adds a task to a phase that has not begun; returns the function that takes it back. */
  add(phase: ShutdownPhase, name: string, task: ShutdownTask): () => void {
    const registered: Registered = { phase, name, task };
    this.#tasks.add(registered);
    return () => void this.#tasks.delete(registered);
  }

  /** Runs the tasks of a phase and then the node's own work of it, which may have a time of its own. */
  async run(phase: ShutdownPhase, own: ShutdownTask, ownMs: number = this.#options.phaseMs): Promise<void> {
    this.#phase = phase;
    const { phaseMs } = this.#options;
    const tasks = [...this.#tasks].filter((registered) => registered.phase === phase);
    await Promise.all(tasks.map(({ name, task }) => this.#within(phase, name, task, phaseMs)));
    await this.#within(phase, 'the node itself', own, ownMs);
  }

  #within(phase: ShutdownPhase, task: string, act: ShutdownTask, limitMs: number): Promise<void> {
    const { clock, logger } = this.#options;
    return new Promise((resolve) => {
      const deadline = clock.setTimer(limitMs, () => {
        logger.warn({ phase, task, limitMs }, 'a task of the stop took too long and was left to itself');
        resolve();
      });
      const end = () => {
        clock.clearTimer(deadline);
        resolve();
      };
      const fail = (thrown: unknown) => {
        logger.warn({ phase, task, problem: messageOf(thrown) }, 'a task of the stop failed');
        end();
      };
      try {
        Promise.resolve(act()).then(end, fail);
      } catch (thrown) {
        fail(thrown);
      }
    });
  }
}

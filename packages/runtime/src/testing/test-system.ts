import {
  incarnation,
  type Logger,
  nodeId,
  randomIds,
  runVirtual,
  seededRandom,
  silentLogger,
  VirtualClock,
} from '@tutti/kernel';
import type { ActorSystem, ActorSystemOptions, Escalation } from '../system/actor-system.ts';
import { createActorSystem } from '../system/create-actor-system.ts';
import { loadFrom, type MemoryThread, type ModulesByName, memoryThreads } from '../threads/memory-threads.ts';
import type { ThreadOptions } from '../threads/thread-pool.ts';
import { type Probe, spawnProbe } from './probe.ts';

/** Who the simulated node is, and from which seed. */
export interface TestSystemOptions
  extends Partial<Pick<ActorSystemOptions, 'limits' | 'logger' | 'nodeId' | 'incarnation' | 'guardian'>> {
  /** Decides every id and every roll of the dice; default 1. */
  readonly seed?: number;
  /** Threads within this one, and the modules that can be imported there; default none. */
  readonly threads?: Partial<Omit<ThreadOptions, 'threads'>> & {
    readonly modules: ModulesByName;
    /** How long a message, and the news of its end, is on its way from or to a thread, in milliseconds; default 0. */
    readonly hopMs?: number;
  };
}

/** One node's actors on virtual time. The same seed and the same calls give the same run. */
export interface TestSystem {
  readonly system: ActorSystem;
  readonly clock: VirtualClock;
  /** What reached the guardian so far. */
  readonly escalations: readonly Escalation[];
  /** The threads that were begun so far. */
  readonly threads: readonly MemoryThread[];
  /** Runs everything that is due within so many milliseconds from now (default 0: all that needs no time). */
  readonly advance: (durationMs?: number) => void;
  /** Lets promises and timers take turns until the condition holds, or nothing is left to happen. */
  readonly until: (condition: () => boolean, limitMs?: number) => Promise<void>;
  /** An actor that keeps what it is sent. */
  readonly probe: (id?: string) => Probe;
}

/** Makes a {@link TestSystem}. */
export function createTestSystem(options: TestSystemOptions = {}): TestSystem {
  const clock = new VirtualClock();
  const random = seededRandom(options.seed ?? 1);
  const escalations: Escalation[] = [];
  const logger: Logger = options.logger ?? silentLogger;
  const { modules = {}, hopMs = 0, ...bounds } = options.threads ?? {};
  const threads = memoryThreads(clock, { load: loadFrom(modules), hopMs: () => hopMs });
  const system = createActorSystem({
    nodeId: options.nodeId ?? nodeId('test'),
    incarnation: options.incarnation ?? incarnation(1),
    clock,
    random: random.fork('actors'),
    ids: randomIds(random.fork('ids')),
    logger,
    ...(options.limits && { limits: options.limits }),
    ...(options.guardian && { guardian: options.guardian }),
    ...(options.threads && { threads: { size: 2, ...bounds, threads } }),
    onEscalation: (escalation) => escalations.push(escalation),
  });
  return {
    system,
    clock,
    escalations,
    threads: threads.begun,
    advance: (durationMs = 0) => clock.advance(durationMs),
    until: (condition, limitMs) => runVirtual(clock, condition, limitMs),
    probe: (id) => spawnProbe(system, id),
  };
}

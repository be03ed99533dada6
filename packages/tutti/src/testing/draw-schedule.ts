import { type Random, unreachable } from '@tutti/kernel';
import { FAULT_KINDS, type Fault, type FaultKind, LEADER, THREAD_FAULT_KINDS } from './fault.ts';

/** What a schedule is drawn for. */
export interface ScheduleOptions {
  readonly nodes: readonly string[];
  /** When the last fault may begin, in milliseconds. */
  readonly durationMs: number;
  /** How much time lies between two faults on average, in milliseconds; between two of threads just so much. */
  readonly everyMs: number;
  readonly kinds: readonly FaultKind[];
}

/** How often each kind comes, compared with the others. */
const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  crash: 4,
  stop: 1,
  pause: 2,
  partition: 4,
  cut: 2,
  reset: 2,
  slow: 1,
  disk: 1,
  clock: 0.5,
  'thread-crash': 1,
  'thread-hang': 1,
};

/** A blink, longer than an election, and longer than it takes to be given up. */
const LENGTHS_MS: readonly (readonly [number, number])[] = [
  [5, 150],
  [300, 1_500],
  [1_500, 5_000],
];

/** More than the threads of most nodes. */
const THREADS_MAX = 12;

/** Draws faults, in order of their beginning. */
export function drawSchedule(random: Random, options: ScheduleOptions): readonly Fault[] {
  const asked = (kind: FaultKind): boolean => options.kinds.includes(kind);
  const schedule = drawAmong(random, options, FAULT_KINDS.filter(asked));
  // When all others are drawn, which so are those that come without these.
  const ofThreads = drawAmong(random, options, THREAD_FAULT_KINDS.filter(asked));
  return [...schedule, ...ofThreads].toSorted((a, b) => a.at - b.at);
}

function drawAmong(random: Random, options: ScheduleOptions, kinds: readonly FaultKind[]): readonly Fault[] {
  const schedule: Fault[] = [];
  if (kinds.length === 0) return schedule;
  for (let at = random.exponential(options.everyMs); at < options.durationMs; ) {
    const fault = drawFault(random, Math.round(at), drawKind(random, kinds), options.nodes);
    if (fault) schedule.push(fault);
    at += random.exponential(options.everyMs);
  }
  return schedule;
}

function drawKind(random: Random, kinds: readonly FaultKind[]): FaultKind {
  let left = random.float() * kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  return kinds.find((kind) => (left -= WEIGHTS[kind]) < 0) ?? kinds.at(-1)!;
}

/** Undefined when there are too few nodes for it. */
function drawFault(random: Random, at: number, kind: FaultKind, nodes: readonly string[]): Fault | undefined {
  const [least, most] = random.pick(LENGTHS_MS);
  const lasting = random.integer(least, most);
  const one = random.chance(0.4) ? LEADER : random.pick(nodes);
  const shuffled = random.shuffle(nodes);
  switch (kind) {
    case 'crash':
      // Now and then the lights go out for everybody.
      return { at, kind, on: random.chance(0.1) ? nodes : [one], for: lasting };
    case 'stop':
    case 'pause':
      return { at, kind, on: [one], for: lasting };
    case 'partition': {
      if (nodes.length < 2) return undefined;
      const side = random.chance(0.4) ? [LEADER] : shuffled.slice(0, random.integer(1, nodes.length - 1));
      return { at, kind, on: side, for: lasting };
    }
    case 'cut':
    case 'reset':
    case 'slow': {
      if (nodes.length < 2) return undefined;
      const pair = shuffled.slice(0, 2);
      if (kind === 'slow') return { at, kind, on: pair, for: lasting, by: random.pick([10, 50, 300]) };
      return { at, kind, on: pair, for: kind === 'reset' ? 0 : lasting };
    }
    case 'disk':
      return { at, kind, on: [one], for: lasting, by: random.pick([10, 100]) };
    case 'clock':
      return { at, kind, on: [one], for: 0, by: random.pick([-3_600_000, -500, 500, 3_600_000]) };
    case 'thread-crash':
      return { at, kind, on: [one], for: 0, by: random.integer(0, THREADS_MAX - 1) };
    case 'thread-hang':
      return { at, kind, on: [one], for: lasting, by: random.integer(0, THREADS_MAX - 1) };
  }
  return unreachable(kind);
}

import { Session } from 'node:inspector/promises';

/** Time that a function itself took, without what it called. */
export interface ProfileLine {
  /** Its name, or `(anonymous)`. */
  readonly name: string;
  /** The file's last two parts and the line; empty for the engine's own. */
  readonly place: string;
  /** Of the time that the process was busy. */
  readonly share: number;
}

/** The functions on which one process spent most of its busy time. */
export interface ProfileSummary {
  readonly busyMs: number;
  readonly lines: readonly ProfileLine[];
}

const LINES_MAX = 14;
const INTERVAL_US = 500;
const US_PER_MS = 1_000;
/** What the sampler calls time in which nothing of the program ran. */
const IDLE = new Set(['(idle)', '(root)']);

/** The profiler's own beginning and end. */
const PROFILER = 'node:inspector:';

/** Begins to sample this process; the function that it gives ends that and says what was found. */
export async function startProfile(): Promise<() => Promise<ProfileSummary>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return summaryOf(profile);
  };
}

/** What of a V8 CPU profile is used. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples?: readonly number[] | undefined;
  readonly timeDeltas?: readonly number[] | undefined;
}

/** Adds up self time by function, and keeps the largest. */
export function summaryOf({ nodes, samples = [], timeDeltas = [] }: CpuProfile): ProfileSummary {
  const keyOf = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const name = functionName === '' ? '(anonymous)' : functionName;
      const place = url === '' ? '' : `${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
      return [id, `${name}\n${place}`] as const;
    }),
  );
  const selfUs = new Map<string, number>();
  let busyUs = 0;
  samples.forEach((node, i) => {
    const key = keyOf.get(node);
    if (key === undefined || IDLE.has(key.split('\n')[0]!) || key.includes(PROFILER)) return;
    const us = Math.max(0, timeDeltas[i] ?? 0);
    busyUs += us;
    selfUs.set(key, (selfUs.get(key) ?? 0) + us);
  });
  const lines = [...selfUs]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, LINES_MAX)
    .map(([key, us]): ProfileLine => {
      const [name = '', place = ''] = key.split('\n');
      return { name, place, share: us / busyUs };
    });
  return { busyMs: busyUs / US_PER_MS, lines };
}

/** Of several processes, the one that was busiest: the one that holds the others up. */
export function busiest(summaries: readonly ProfileSummary[]): ProfileSummary | undefined {
  return summaries.toSorted((a, b) => b.busyMs - a.busyMs)[0];
}

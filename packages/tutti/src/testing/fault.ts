import { TuttiError } from '@tutti/kernel';

/**
 * What may go wrong. `crash` and `stop` end the process of each node that is named, the second as SIGTERM does, and
 * start it again; `pause` makes it stand still; `partition` cuts the named nodes off from the rest; `cut` cuts one
 * direction, from the first to the second; `reset` breaks their connection; `slow` makes their link slow, `by`
 * milliseconds; `disk` makes disks slow, `by` times; `clock` sets wall clocks, `by` milliseconds.
 */
export const FAULT_KINDS = [
  'crash',
  'stop',
  'pause',
  'partition',
  'cut',
  'reset',
  'slow',
  'disk',
  'clock',
] as const;

/**
 * What may go wrong with the threads of a node, beside those: `thread-crash` ends one, as code that exits does, and
 * `thread-hang` has it do nothing for a while, as code that blocks; `by` says which of those that run, from 0, round and
 * round. They come over a test that asks for them, so that the seeds of others mean what they did.
 */
export const THREAD_FAULT_KINDS = ['thread-crash', 'thread-hang'] as const;

/** One of {@link FAULT_KINDS} or {@link THREAD_FAULT_KINDS}. */
export type FaultKind = (typeof FAULT_KINDS)[number] | (typeof THREAD_FAULT_KINDS)[number];

/** Every kind that there is. */
export const KNOWN_FAULT_KINDS: readonly FaultKind[] = [...FAULT_KINDS, ...THREAD_FAULT_KINDS];

const isOfThreads = (kind: FaultKind): boolean => THREAD_FAULT_KINDS.includes(kind as never);

/** The name that stands for whichever node leads when the fault begins. */
export const LEADER = 'leader';

/** One trouble of a schedule. Times are whole milliseconds of virtual time. */
export interface Fault {
  /** When it begins, counted from the moment when the cluster is whole. */
  readonly at: number;
  readonly kind: FaultKind;
  /** Names of nodes, or {@link LEADER}. */
  readonly on: readonly string[];
  /** How long it lasts. */
  readonly for: number;
  readonly by?: number;
}

const TAKES_TWO: ReadonlySet<FaultKind> = new Set(['cut', 'reset', 'slow']);
const FAULTS_MAX = 10_000;

/** A fault as a line: `1200 ms  crash leader for 800 ms`. */
export function describeFault({ at, kind, on, for: lasting, by }: Fault): string {
  const amount = by === undefined ? '' : inWords(kind, by);
  const whom = on.join(kind === 'cut' ? ' > ' : ' ');
  return `${String(at).padStart(7)} ms  ${kind} ${whom}${amount}${lasting > 0 ? ` for ${lasting} ms` : ''}`;
}

function inWords(kind: FaultKind, by: number): string {
  if (isOfThreads(kind)) return ` thread ${by}`;
  return ` by ${by}${kind === 'disk' ? ' times' : ' ms'}`;
}

/**
 * Reads a schedule that was printed as JSON.
 * @throws TuttiError `TUTTI_OPTION_INVALID` for what is none, or names nodes that are not there
 */
export function readSchedule(text: string, nodes: readonly string[]): readonly Fault[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(text, 'a JSON list of faults, as it was printed');
  }
  if (!Array.isArray(value) || value.length > FAULTS_MAX) throw invalid(text, 'a JSON list of faults');
  return value.map((item: unknown) => readFault(item, nodes));
}

function readFault(item: unknown, nodes: readonly string[]): Fault {
  const fault = (item ?? {}) as Partial<Fault>;
  const isTime = (time: unknown): boolean => Number.isFinite(time) && (time as number) >= 0;
  const { at, kind, on, for: lasting, by } = fault;
  const said = JSON.stringify(item);
  if (!KNOWN_FAULT_KINDS.includes(kind!))
    throw invalid(said, `a fault whose kind is one of ${KNOWN_FAULT_KINDS.join(', ')}`);
  if (!isTime(at) || !isTime(lasting)) throw invalid(said, 'a fault with `at` and `for` in milliseconds');
  const known = [...nodes, LEADER];
  if (!Array.isArray(on) || on.length === 0 || !on.every((name) => known.includes(name)))
    throw invalid(said, `a fault \`on\` some of ${known.join(', ')}`);
  if (TAKES_TWO.has(kind!) && on.length !== 2) throw invalid(said, `two nodes for ${kind}`);
  if (['slow', 'disk', 'clock'].includes(kind!) && !Number.isFinite(by))
    throw invalid(said, `\`by\` how much for ${kind}`);
  if (isOfThreads(kind!) && !(Number.isInteger(by) && by! >= 0))
    throw invalid(said, `\`by\` which thread, from 0, for ${kind}`);
  return fault as Fault;
}

const invalid = (value: string, expected: string): TuttiError =>
  new TuttiError('TUTTI_OPTION_INVALID', { option: '--schedule', value, expected });

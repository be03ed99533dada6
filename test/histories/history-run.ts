import {
  checkLinearizable,
  describeVerdict,
  HistoryRecorder,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
  timelineHtml,
} from '@tutti/consensus/linearizability';
import { seededRandom } from '@tutti/kernel';
import { Clients } from './clients.ts';
import { after, FiveNodes, NAMES } from './five-nodes.ts';
import { Nemesis } from './nemesis.ts';
import type { RegisterRecord } from './register-module.ts';

const CLIENTS = 10;
const KEYS = 5;
/** After the last trouble clients must be answered this often, and every node must answer, within this long. */
const RECOVERY_ANSWERS = 100;
const RECOVERY_MS_MAX = 30_000;
/** Small enough that a run has snapshots, installs of them, and sessions that are forgotten. */
const REPLICA = { snapshotEntries: 400, trailingEntries: 50, sessionsMax: 8, electionTicks: 10 };

export interface HistoryReport {
  readonly seed: number;
  readonly operations: { readonly returned: number; readonly failed: number; readonly unknown: number };
  readonly faults: readonly string[];
  readonly verdict: 'linearizable' | 'violated' | 'undecided';
  /** Steps of the checker. */
  readonly steps: number;
  readonly acknowledgedWrites: number;
  /** What is wrong, each as a text; none if all is well. */
  readonly problems: readonly string[];
  /** A page that shows the violation, if there is one. */
  readonly timeline: string | undefined;
  readonly history: readonly Operation<RegisterInput, RegisterOutput>[];
}

/**
 * Five real processes, ten clients and a nemesis, for so long; then everything heals, and the history and the final
 * state are judged.
 */
export async function runHistory(options: {
  readonly seed: number;
  readonly durationMs: number;
  /** How reads are confirmed; by default drawn from the seed. */
  readonly reads?: 'quorum' | 'lease';
  readonly say?: (text: string) => void;
}): Promise<HistoryReport> {
  const { seed, durationMs, say = () => {} } = options;
  const random = seededRandom(seed);
  const reads = options.reads ?? random.pick(['quorum', 'lease'] as const);
  say(`  reads by ${reads}`);
  const cluster = await FiveNodes.start({ seed, replica: { ...REPLICA, reads } });
  try {
    const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
    const clients = new Clients(cluster, recorder, KEYS);
    const nemesis = new Nemesis(cluster, random.fork('nemesis'), say);
    const working = Array.from({ length: CLIENTS }, (_, index) =>
      clients.run(`c${index + 1}`, random.fork(`client ${index}`)),
    );
    await nemesis.run(durationMs);
    const hasRecovered = await clients.answered(RECOVERY_ANSWERS, RECOVERY_MS_MAX);
    clients.stop();
    await Promise.all(working);
    const states = await finalStates(NAMES, (name) => cluster.records(name));
    const history = recorder.operations();
    const verdict = checkLinearizable(history, registerModel);
    const problems = [
      ...(hasRecovered
        ? []
        : [`fewer than ${RECOVERY_ANSWERS} answers in ${RECOVERY_MS_MAX} ms after the last fault`]),
      ...(verdict.verdict === 'linearizable' ? [] : [describeVerdict(verdict, registerModel)]),
      ...stateProblems(states, history),
    ];
    const acknowledgedWrites = history.filter(hasWritten).length;
    const { steps } = verdict;
    const report = { seed, operations: { ...clients.counts }, faults: nemesis.log, acknowledgedWrites };
    const timeline =
      verdict.verdict === 'violated' ? timelineHtml(verdict.violation, registerModel) : undefined;
    return { ...report, verdict: verdict.verdict, steps, problems, timeline, history };
  } finally {
    await cluster.end();
  }
}

/** The state of each node; the problem where one does not come back. */
export async function finalStates(
  names: readonly string[],
  records: (name: string) => Promise<RegisterRecord[]>,
): Promise<ReadonlyMap<string, RegisterRecord[] | string>> {
  const giveUpAt = performance.now() + RECOVERY_MS_MAX;
  const one = async (name: string): Promise<RegisterRecord[] | string> => {
    for (;;) {
      try {
        return await records(name);
      } catch (thrown) {
        if (performance.now() > giveUpAt) return `${name} does not come back: ${String(thrown)}`;
        await after(50);
      }
    }
  };
  const states = await Promise.all(names.map(async (name) => [name, await one(name)] as const));
  return new Map(states);
}

function hasWritten({ input, ending }: Operation<RegisterInput, RegisterOutput>): boolean {
  if (ending.kind !== 'returned') return false;
  return input.op === 'write' || (input.op === 'cas' && ending.output === true);
}

/** The nodes agree, and each value is there as often as its writer was told. */
export function stateProblems(
  states: ReadonlyMap<string, RegisterRecord[] | string>,
  history: readonly Operation<RegisterInput, RegisterOutput>[],
): string[] {
  const problems = [...states.values()].filter((state) => typeof state === 'string');
  if (problems.length > 0) return problems;
  const shown = [...states].map(([name, records]) => ({ name, text: JSON.stringify(records) }));
  const [first] = shown;
  for (const { name, text } of shown)
    if (text !== first!.text) problems.push(`${name} and ${first!.name} hold different states`);
  const times = new Map<string, number>();
  for (const { key, written } of [...states.values()][0] as RegisterRecord[])
    for (const value of written) times.set(`${key} ${value}`, (times.get(`${key} ${value}`) ?? 0) + 1);
  for (const operation of history) {
    const { input } = operation;
    if (input.op === 'read') continue;
    const value = input.op === 'write' ? input.value : input.to;
    const found = times.get(`${input.key} ${value}`) ?? 0;
    const [least, most] = timesAllowed(operation);
    if (found < least || found > most)
      problems.push(`${registerModel.describe(input)} of ${input.key} is in the final state ${found} times`);
  }
  return problems;
}

function timesAllowed(operation: Operation<RegisterInput, RegisterOutput>): readonly [number, number] {
  if (operation.ending.kind === 'unknown') return [0, 1];
  return hasWritten(operation) ? [1, 1] : [0, 0];
}

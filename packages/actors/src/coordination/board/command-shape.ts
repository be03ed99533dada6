import { TuttiError, type WireValue } from '@tutti/kernel';
import type { BoardCommand, SingleCommand } from './commands.ts';

type Field = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Field>>;

const text: Field = (value) => typeof value === 'string';
const flag: Field = (value) => typeof value === 'boolean';
const amount: Field = (value) => typeof value === 'number' && value >= 0 && Number.isFinite(value);
const whole: Field = (value) => amount(value) && Number.isSafeInteger(value);
const number: Field = (value) => typeof value === 'number';
const anything: Field = () => true;
const record: Field = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const oneOf =
  (...values: string[]): Field =>
  (value) =>
    typeof value === 'string' && values.includes(value);
const optional =
  (field: Field): Field =>
  (value) =>
    value === undefined || value === null || field(value);
const listOf =
  (field: Field): Field =>
  (value) =>
    Array.isArray(value) && value.every(field);
const pairOf =
  (field: Field): Field =>
  (value) =>
    Array.isArray(value) && value.length === 2 && value.every(field);
const shaped =
  (shape: Shape): Field =>
  (value) =>
    wrongField(value, shape) === undefined;

const holder: Shape = { node: text, incarnation: whole };
const problem = shaped({ code: text, message: text });
const attempt: Shape = { session: text, task: text, fence: whole };
const side = shaped({ orchestrator: text, task: text, value: anything });
const conflict = shaped({ check: text, subject: text, sides: pairOf(side), explanation: text });
const move = oneOf('restart', 'failover', 'redistribute', 'degrade');

const work: Field = (value) =>
  shaped({ type: oneOf('function'), name: text })(value) ||
  shaped({ type: oneOf('shell'), command: text })(value) ||
  shaped({ type: oneOf('simulated'), durationMs: amount })(value) ||
  (shaped({ type: text })(value) && !shaped({ type: oneOf('function', 'shell', 'simulated') })(value));

// Numbers are only seen to be numbers here: their ranges are the plan check's, which says what is wrong with them.
const task = shaped({
  id: text,
  title: text,
  orchestrator: text,
  work,
  needs: listOf(text),
  with: record,
  retry: shaped({ attemptsMax: number, backoff: record }),
  timeoutMs: number,
  estimateMs: number,
  optional: flag,
  deliverables: listOf(text),
});

const plan = shaped({
  name: text,
  orchestrators: listOf(shaped({ id: text, maxConcurrentTasks: number })),
  tasks: listOf(task),
  barriers: listOf(
    shaped({
      id: text,
      title: text,
      participants: listOf(text),
      after: listOf(text),
      before: listOf(text),
      check: optional(text),
    }),
  ),
});

const opening: Shape = { session: text, plan, mode: oneOf('eager', 'wave'), folder: text };

const COMMANDS: { readonly [Type in SingleCommand['type']]: Shape } = {
  'session.open': opening,
  'session.begin': opening,
  'tasks.add': { session: text, submissions: listOf(shaped({ id: text, tasks: listOf(task) })) },
  'session.close': { session: text },
  'session.cancel': { session: text, reason: text },
  'tasks.assign': {
    session: text,
    begin: optional(flag),
    assignments: listOf(shaped({ ...holder, task: text, why: text })),
  },
  'tasks.take': { holder: shaped(holder), orchestrator: text, upTo: whole },
  'task.start': attempt,
  'task.complete': { ...attempt, output: anything },
  'task.fail': { ...attempt, problem, retryable: flag, retryInMs: amount, recovery: optional(move) },
  'task.return': { ...attempt, reason: text, recovery: optional(move) },
  'task.wake': { session: text, task: text },
  'holder.lost': { holder: shaped(holder), recovery: move },
  'barrier.resolve': { session: text, barrier: text, generation: whole, conflicts: listOf(conflict) },
  'task.degrade': { session: text, task: text, reason: text },
};

/**
 * Looks at what came out of the log before anything is done with it. A node must not stop, nor differ from another,
 * because somebody proposed nonsense.
 * @throws TuttiError `TUTTI_BOARD_COMMAND_INVALID`
 */
export function readCommand(value: WireValue): BoardCommand {
  const { type, commands } = (value ?? {}) as { readonly type?: unknown; readonly commands?: unknown };
  if (type !== 'batch') return readSingle(value);
  if (!Array.isArray(commands))
    throw new TuttiError('TUTTI_BOARD_COMMAND_INVALID', { problem: 'a batch has no list of commands' });
  return { type, commands: commands.map(readSingle) };
}

function readSingle(value: unknown): SingleCommand {
  const type = (value as { readonly type?: unknown } | null | undefined)?.type;
  if (typeof type !== 'string' || !Object.hasOwn(COMMANDS, type))
    throw new TuttiError('TUTTI_BOARD_COMMAND_INVALID', { problem: `its type is ${String(type)}` });
  const wrong = wrongField(value, COMMANDS[type as SingleCommand['type']]);
  if (wrong !== undefined)
    throw new TuttiError('TUTTI_BOARD_COMMAND_INVALID', {
      problem: `"${wrong}" of ${type} is missing or wrong`,
    });
  return value as SingleCommand;
}

function wrongField(value: unknown, shape: Shape): string | undefined {
  if (!record(value)) return 'the whole';
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name in shape) if (!shape[name]!(fields[name])) return name;
  return undefined;
}

import { readFile } from 'node:fs/promises';
import { dirname, extname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  builtInDetectors,
  checkPlan,
  type Plan,
  type PlanTask,
  profileOf,
  type SourceMap,
} from '@tutti/actors';
import { isTuttiError, messageOf, TuttiError } from '@tutti/kernel';
import * as z from 'zod';
import { moduleWorker } from '../workers/module-worker.ts';
import { type PlanDocument, type PlanSource, planDocument } from './plan-document.ts';
import { planWords } from './plan-words.ts';
import { resolvePlan } from './resolve-plan.ts';
import { looksLikeWfFormat, planFromWfFormat } from './wfformat.ts';
import { readYaml } from './yaml-source.ts';

/** A plan from a file, checked and ready to be submitted. */
export interface LoadedPlan {
  readonly file: string;
  readonly plan: Plan;
  readonly positionOf: SourceMap;
}

/** What a plan is checked against besides its own form. */
export interface LoadPlanOptions {
  /**
   * Names of all functions that the nodes have in their own table: a plan without `workers` may use these and no other.
   * Without it, such a plan is taken as it is, and a function that is not there is found at submission.
   */
  readonly functions?: readonly string[];
}

interface PlanText {
  readonly value: unknown;
  readonly positionOf: SourceMap;
}

const MODULES = new Set(['.ts', '.mts', '.js', '.mjs']);

/**
 * Reads a plan: YAML, JSON, a WfFormat trace, or a module whose default export is a plan. Everything wrong with it
 * is found now, with the line it stands on, before any node hears of it.
 * @throws TuttiError `TUTTI_PLAN_UNREADABLE`, `TUTTI_PLAN_SYNTAX`, `TUTTI_PLAN_INVALID`, `TUTTI_PLAN_*`,
 * `TUTTI_WORKER_MODULE_FAILED`, `TUTTI_WORKER_UNKNOWN`
 */
export async function loadPlan(path: string, options: LoadPlanOptions = {}): Promise<LoadedPlan> {
  const file = resolve(path);
  const source = MODULES.has(extname(file)) ? await readModule(file) : await readText(file);
  const document = parse(source, file);
  const workerModule = document.workers === undefined ? undefined : besides(file, document.workers);
  const plan = resolvePlan(document, workerModule, concurrencyOf);
  checkPlan(plan, source.positionOf, { detectors: builtInDetectors().names() });
  await checkFunctions(plan, options.functions, file, source.positionOf);
  return { file, plan, positionOf: source.positionOf };
}

/**
 * A plan from an object of the same form as a plan file, checked: for programs that make their plans. Functions are
 * looked up in the node's own table.
 * @throws TuttiError `TUTTI_PLAN_INVALID`, `TUTTI_PLAN_*`
 */
export function planFrom(source: PlanSource): Plan {
  const here: SourceMap = () => ({ file: 'planFrom', line: 1, column: 1 });
  const plan = resolvePlan(parse({ value: source, positionOf: here }, 'planFrom'), undefined, concurrencyOf);
  checkPlan(plan, undefined, { detectors: builtInDetectors().names() });
  return plan;
}

/**
 * Tasks of the form they have in a plan file, to be added to a session: what they need may be there already, so that is
 * checked when they are added. Functions are looked up in the node's own table.
 * @throws TuttiError `TUTTI_PLAN_INVALID`
 */
export function tasksFrom(tasks: PlanSource['tasks']): readonly PlanTask[] {
  const here: SourceMap = () => ({ file: 'tasksFrom', line: 1, column: 1 });
  const document = parse({ value: { name: 'added tasks', tasks }, positionOf: here }, 'tasksFrom');
  return resolvePlan(document, undefined, concurrencyOf).tasks;
}

function concurrencyOf(orchestrator: string): number | undefined {
  return profileOf(orchestrator)?.capabilities.max_concurrent_tasks;
}

/** Finds a misspelt function here, where the line is known, and not on a node a minute later. */
async function checkFunctions(
  plan: Plan,
  known: readonly string[] | undefined,
  planFile: string,
  positionOf: SourceMap,
): Promise<void> {
  const worker = moduleWorker();
  for (const { id, work } of plan.tasks) {
    if (work.type !== 'function') continue;
    if (work.module === undefined && (known === undefined || known.includes(work.name))) continue;
    const problem = work.module === undefined ? noModule(id, work.name) : await worker.prepare(work);
    if (!problem) continue;
    if (!isTuttiError(problem)) throw problem;
    const { file, line, column } = positionOf(['tasks', id, 'uses']) ?? {
      file: planFile,
      line: 1,
      column: 1,
    };
    const detail = `${String(problem.details['problem'])} (${file}:${line}:${column})`;
    throw new TuttiError(problem.code, { ...problem.details, task: id, problem: detail });
  }
}

function noModule(task: string, name: string): TuttiError {
  const problem = `the plan names no \`workers\` module that could have "${name}"`;
  return new TuttiError('TUTTI_WORKER_UNKNOWN', { task, type: 'function', problem });
}

function besides(file: string, path: string): string {
  return isAbsolute(path) ? path : resolve(dirname(file), path);
}

async function readText(file: string): Promise<PlanText> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    throw new TuttiError('TUTTI_PLAN_UNREADABLE', { file, problem: messageOf(thrown) }, { cause: thrown });
  }
  return readYaml(text, file);
}

async function readModule(file: string): Promise<PlanText> {
  const positionOf: SourceMap = () => ({ file, line: 1, column: 1 });
  try {
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
    return { value: module.default, positionOf };
  } catch (thrown) {
    throw new TuttiError('TUTTI_PLAN_UNREADABLE', { file, problem: messageOf(thrown) }, { cause: thrown });
  }
}

function parse(source: PlanText, file: string): PlanDocument {
  try {
    return planDocument.parse(
      looksLikeWfFormat(source.value) ? planFromWfFormat(source.value) : source.value,
      { error: planWords },
    );
  } catch (thrown) {
    if (!(thrown instanceof z.ZodError)) throw thrown;
    const problems = thrown.issues.map((issue) => describe(issue, source.positionOf, file));
    throw new TuttiError('TUTTI_PLAN_INVALID', { ...problems[0]!, problems }, { cause: thrown });
  }
}

function describe(issue: z.core.$ZodIssue, positionOf: SourceMap, file: string) {
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...issue.path, ...(unknownKey === undefined ? [] : [unknownKey])] as (string | number)[];
  const at = positionOf(path) ?? { file, line: 1, column: 1 };
  const problem = unknownKey === undefined ? issue.message : `the key "${unknownKey}" is not known here`;
  return { ...at, where: path.join('.') || 'the plan', problem };
}

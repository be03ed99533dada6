import { checkPlan, type PlanTask } from '@tutti/actors';
import { isTuttiError, seededRandom } from '@tutti/kernel';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { benchPlan, benchTask } from './plans.ts';

const NEEDS_PER_TASK = 3;

/** A graph of tasks that each need three earlier ones, and the same with its first and its last needing each other. */
export async function validateGraph({ tasks }: Sizes): Promise<Measurement> {
  const random = seededRandom(1);
  const all = Array.from({ length: tasks! }, (_, i) => {
    const needs = Array.from({ length: Math.min(i, NEEDS_PER_TASK) }, () => `t${random.integer(0, i - 1)}`);
    return benchTask(`t${i}`, [...new Set(needs)]);
  });
  const plan = benchPlan(all, 5);
  checkPlan(benchPlan(all.slice(0, 1_000), 5));
  const start = performance.now();
  const checked = checkPlan(plan);
  const valid = performance.now() - start;
  const circle = benchPlan(
    [benchTask('t0', [`t${tasks! - 1}`]), ...all.slice(1, -1), benchTask(`t${tasks! - 1}`, ['t0'])],
    5,
  );
  const again = performance.now();
  const path = circleOf(() => checkPlan(circle));
  const cyclic = performance.now() - again;
  mustBeLevelled(all, checked.levels);
  if (!path.includes(`t${tasks! - 1} -> t0`)) throw new Error(`another circle was reported: ${path}`);
  return {
    figures: { valid, cyclic },
    verified: `${checked.levelCount} levels over ${checked.levels.length} tasks; the circle was reported as: ${path}`,
  };
}

/** @throws Error unless each task is one level above the highest that it needs */
function mustBeLevelled(tasks: readonly PlanTask[], levels: ArrayLike<number>): void {
  tasks.forEach(({ id, needs }, i) => {
    const level = 1 + Math.max(-1, ...needs.map((need) => levels[Number(need.slice(1))]!));
    if (levels[i] !== level) throw new Error(`${id} is on level ${levels[i]} instead of ${level}`);
  });
}

function circleOf(check: () => unknown): string {
  try {
    check();
  } catch (thrown) {
    if (isTuttiError(thrown) && thrown.code.includes('CYC')) return thrown.message;
    throw thrown;
  }
  throw new Error('a circle was not found');
}

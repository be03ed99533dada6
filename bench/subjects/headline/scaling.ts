import { checkPlan } from '@tutti/actors';
import { fromTransition } from 'xstate';
import type { Measurement, Point, Sizes } from '../../harness/case.ts';
import { logLogSlope } from '../../harness/statistics.ts';
import { Arrivals } from '../actors/arrivals.ts';
import { localSystem } from '../actors/local-system.ts';
import { ADD } from '../actors/one-way.ts';
import { chainPlan } from '../tasks/plans.ts';

const LOOK_UPS = 20_000;
const WARM_UP = 10_000;

/** The cost of one operation at growing numbers of actors and tasks; the slope says how it grows. */
export async function scaling({ exponentMax }: Sizes): Promise<Measurement> {
  const register: Point[] = [];
  const route: Point[] = [];
  const state: Point[] = [];
  const validate: Point[] = [];
  // The smallest once before it counts: code that is not compiled yet would make every slope too flat.
  await actorsOf(WARM_UP);
  validateMs(WARM_UP);
  for (let exponent = 3; exponent <= exponentMax!; exponent++) {
    const n = 10 ** exponent;
    const { registerUs, routeUs, bytes } = await actorsOf(n);
    register.push({ x: n, y: registerUs });
    route.push({ x: n, y: routeUs });
    state.push({ x: n, y: bytes });
    if (n <= 100_000) validate.push({ x: n, y: validateMs(n) });
  }
  return {
    figures: {
      register: logLogSlope(register),
      route: logLogSlope(route),
      state: logLogSlope(state),
      validate: logLogSlope(validate),
    },
    curves: { register, route, state, validate },
    verified: `${LOOK_UPS} messages reached by address at each size`,
  };
}

async function actorsOf(n: number): Promise<{ registerUs: number; routeUs: number; bytes: number }> {
  const system = localSystem();
  const arrivals = new Arrivals();
  const logic = fromTransition((count: number) => {
    arrivals.arrive();
    return count + 1;
  }, 0);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const registering = performance.now();
  const { address } = system.spawn(logic, { id: 'a0' });
  const first = address.slice(0, address.lastIndexOf('/') + 1);
  for (let i = 1; i < n; i++) system.spawn(logic, { id: `a${i}` });
  const registerUs = ((performance.now() - registering) * 1_000) / n;
  system.ref(`${first}a0`).send(ADD);
  await arrivals.until(1);
  globalThis.gc?.();
  const bytes = process.memoryUsage().heapUsed - before;
  const start = performance.now();
  for (let i = 0; i < LOOK_UPS; i++) system.ref(`${first}a${(i * 7_919) % n}`).send(ADD);
  const routeUs = ((performance.now() - start) * 1_000) / LOOK_UPS;
  await arrivals.until(LOOK_UPS + 1);
  await system.stop();
  return { registerUs, routeUs, bytes };
}

function validateMs(tasks: number): number {
  const plan = chainPlan(tasks);
  const start = performance.now();
  checkPlan(plan);
  return performance.now() - start;
}

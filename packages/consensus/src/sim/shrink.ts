import type { SimOptions } from './sim-options.ts';
import { type SimReport, simulate } from './simulator.ts';

/** Runs that a search for a smaller one may take. */
const RUNS_MAX = 150;

/**
 * Looks for a run of the same seed that breaks the same promise with less trouble: without a kind of fault, with
 * fewer nodes, in less time. What it finds is not the smallest there is: it leaves out one thing after another, as
 * long as the promise is still broken.
 */
export function shrink(failing: SimReport, runsMax = RUNS_MAX): SimReport {
  let best = failing;
  let runs = 0;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const options of simpler(best)) {
      if (runs++ >= runsMax) return best;
      const report = simulate({ seed: failing.seed, options });
      if (report.violation?.checker !== failing.violation?.checker) continue;
      best = report;
      isSmaller = true;
      break;
    }
  }
  return best;
}

/** Each of the steps down from a run, what saves most first. */
function* simpler({ options, violation, steps }: SimReport): Generator<SimOptions> {
  const { faults, network, store } = options;
  if (violation!.atMs < options.safetyMs && steps < options.eventsMax)
    yield { ...options, eventsMax: steps + 1, safetyMs: violation!.atMs + 1 };
  for (const kind of faults.kinds)
    yield { ...options, faults: { ...faults, kinds: faults.kinds.filter((other) => other !== kind) } };
  if (faults.ambushes.length > 0) yield { ...options, faults: { ...faults, ambushes: [] } };
  if (faults.halfLeaderChance > 0) yield { ...options, faults: { ...faults, halfLeaderChance: 0 } };
  if (faults.fallAtCommitChance > 0) yield { ...options, faults: { ...faults, fallAtCommitChance: 0 } };
  if (options.learners > 0) yield { ...options, learners: 0 };
  if (options.voters > 3) yield { ...options, voters: options.voters - 2 };
  if (options.groups.count > 1) yield { ...options, groups: { ...options.groups, count: 1 } };
  if (store.kind === 'files') yield { ...options, store: { ...store, kind: 'model' } };
  for (const fault of ['lossChance', 'duplicateChance', 'tailChance'] as const)
    if (network[fault] > 0) yield { ...options, network: { ...network, [fault]: 0 } };
  for (const fault of ['shortChance', 'errorChance', 'fullChance'] as const)
    if (store.drive[fault] > 0)
      yield { ...options, store: { ...store, drive: { ...store.drive, [fault]: 0 } } };
  if (store.frail > 0) yield { ...options, store: { ...store, frail: 0 } };
  if (options.clockDrift > 0) yield { ...options, clockDrift: 0 };
  if (options.clockSkewMs > 0) yield { ...options, clockSkewMs: 0 };
  if (options.clients > 1) yield { ...options, clients: Math.ceil(options.clients / 2) };
  if (options.keys > 1) yield { ...options, keys: 1 };
  for (const [name, weight] of Object.entries(options.mix))
    if (weight > 0) yield { ...options, mix: { ...options.mix, [name]: 0 } };
}

/** The parts of `options` that differ from what the seed draws: with those, the run can be had again. */
export function changedOptions(drawn: SimOptions, options: SimOptions): Partial<SimOptions> {
  const changed = Object.entries(options).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(drawn[name as keyof SimOptions]),
  );
  return Object.fromEntries(changed);
}

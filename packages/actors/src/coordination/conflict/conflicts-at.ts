import { messageOf } from '@tutti/kernel';
import type { BarrierRecord, SessionRecord } from '../board/state.ts';
import { detectApiContractConflicts } from './api-contract.ts';
import type { Conflict, ConflictSide } from './conflict.ts';
import { detectDeploymentConflicts } from './deployment.ts';
import { CONFLICTS_MAX, DetectorRegistry } from './detector.ts';
import { detectInfrastructureConflicts } from './infrastructure.ts';

/** A registry with the detectors that come with Tutti: `api-contract`, `infrastructure` and `deployment`. */
export function builtInDetectors(): DetectorRegistry {
  return new DetectorRegistry()
    .register('api-contract', detectApiContractConflicts)
    .register('infrastructure', detectInfrastructureConflicts)
    .register('deployment', detectDeploymentConflicts);
}

/**
 * Runs a full barrier's check over what its participants bring. It never throws: a check that is not known here, or
 * that fails, is itself told as a conflict, since the session must end with a reason and not hang without one.
 */
export function conflictsAt(
  session: SessionRecord,
  barrier: BarrierRecord,
  registry: DetectorRegistry,
): readonly Conflict[] {
  const plan = session.plan.barriers.find(({ id }) => id === barrier.id);
  if (plan?.check === undefined) return [];
  const brought = plan.after.flatMap((task): ConflictSide[] => {
    const record = session.tasks.get(task);
    if (record?.state !== 'done') return [];
    return [{ orchestrator: record.plan.orchestrator, task, value: record.output }];
  });
  try {
    return registry.get(plan.check)(brought).slice(0, CONFLICTS_MAX);
  } catch (thrown) {
    const side = brought[0] ?? {
      orchestrator: barrier.participants[0] ?? '',
      task: plan.after[0] ?? '',
      value: null,
    };
    const explanation = `the check could not be made: ${messageOf(thrown)}`;
    return [{ check: plan.check, subject: barrier.title, sides: [side, brought[1] ?? side], explanation }];
  }
}

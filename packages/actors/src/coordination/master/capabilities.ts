import { TuttiError } from '@tutti/kernel';
import type { Plan } from '../../engines/workflow/plan.ts';
import type { MasterProfile } from '../../orchestrators/profiles.ts';

/** What a master may do; each can be switched off. */
export type MasterCapabilities = MasterProfile['capabilities'];

/** The default. */
export const ALL_CAPABILITIES: MasterCapabilities = {
  task_decomposition: true,
  orchestrator_delegation: true,
  cross_orchestrator_coordination: true,
  conflict_mediation: true,
};

/**
 * Refuses a plan that needs what is switched off, before anything of it runs: later it could only hang.
 * @throws TuttiError `TUTTI_CAPABILITY_OFF` naming the capability and what needs it
 */
export function requireCapabilities(capabilities: MasterCapabilities, plan: Plan): void {
  const need = (capability: keyof MasterCapabilities, what: string | undefined) => {
    if (what !== undefined && !capabilities[capability])
      throw new TuttiError('TUTTI_CAPABILITY_OFF', { capability, what });
  };
  const { tasks, barriers } = plan;
  const checked = barriers.find((barrier) => barrier.check !== undefined);
  need('task_decomposition', tasks.length > 1 ? `a plan of ${tasks.length} tasks` : undefined);
  need('orchestrator_delegation', tasks[0] && `the task "${tasks[0].id}"`);
  need('cross_orchestrator_coordination', barriers[0] && `the barrier "${barriers[0].id}"`);
  need('conflict_mediation', checked && `the check "${checked.check}" of the barrier "${checked.id}"`);
}

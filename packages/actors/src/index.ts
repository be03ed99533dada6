/**
 * Orchestration on the Tutti runtime: plans, task boards, barriers, orchestrators and their recovery.
 *
 * @module
 */
export type * from './coordination/board/commands.ts';
export type { HeldAttempt, Load } from './coordination/board/holders.ts';
export type * from './coordination/board/state.ts';
export { type SessionSummary, TaskBoard, type Wake } from './coordination/board/task-board.ts';
export type * from './engines/workflow/plan.ts';
export { simulatedWorker, type Worker, type WorkInput } from './workers/worker.ts';

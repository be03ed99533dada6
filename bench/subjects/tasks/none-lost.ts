import type { FigureSpec, Target } from '../../harness/case.ts';

/** What is counted of tasks while nodes die. */
export const LOST_TASKS: readonly FigureSpec[] = [
  { id: 'lost', title: 'tasks lost', unit: 'tasks', better: 'lower' },
  { id: 'twice', title: 'tasks committed twice', unit: 'tasks', better: 'lower' },
];

/** And the line: none. */
export const NONE_LOST: readonly Target[] = LOST_TASKS.map(({ id }) => ({
  level: 'floor',
  figure: id,
  value: 0,
  noLimit: 'a task that is lost or done twice is a fault, whatever the machine',
}));

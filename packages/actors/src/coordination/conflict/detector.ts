import { TuttiError } from '@tutti/kernel';
import type { Conflict, ConflictSide } from './conflict.ts';

/**
 * Compares what the participants of a barrier bring: the outputs of their tasks in `after`, in the plan's order.
 * A pure function; what it cannot read it reports as a conflict, since nobody can say then that there is none.
 */
export type Detector = (brought: readonly ConflictSide[]) => Conflict[];

/** Conflicts that one check reports at most: they are kept in the log, and a person reads them. */
export const CONFLICTS_MAX = 50;

/** Conflict detectors by the name that a barrier's `check` gives. */
export class DetectorRegistry {
  readonly #detectors = new Map<string, Detector>();

  /** @throws TuttiError `TUTTI_DETECTOR_DUPLICATE` */
  register(name: string, detector: Detector): this {
    if (this.#detectors.has(name)) throw new TuttiError('TUTTI_DETECTOR_DUPLICATE', { check: name });
    this.#detectors.set(name, detector);
    return this;
  }

  /** @throws TuttiError `TUTTI_DETECTOR_UNKNOWN` */
  get(name: string): Detector {
    const detector = this.#detectors.get(name);
    if (!detector)
      throw new TuttiError('TUTTI_DETECTOR_UNKNOWN', { check: name, known: this.names().join(', ') });
    return detector;
  }

  /** For `checkPlan`, so that an unknown check is refused when the plan is submitted. */
  names(): string[] {
    return [...this.#detectors.keys()];
  }
}

/** A part of a task's output, if the output is an object that has it as an object. */
export function partOf(side: ConflictSide, name: string): Readonly<Record<string, unknown>> | undefined {
  return asObject(asObject(side.value)?.[name]);
}

/** The value as an object with named fields; undefined for anything else, lists included. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
}

import { durationMs } from '@tutti/kernel';
import * as z from 'zod';

/**
 * The shape of a plan file, in YAML, JSON or TypeScript. Strict: a key that is not known is an error, since it is
 * nearly always a misspelt one.
 */
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
  error: 'must be 1 to 128 of a-z A-Z 0-9 . _ - and begin with a letter or digit',
});

/** What people read, on one line: control characters would move a terminal's cursor, or turn the text round. */
const title = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\u202A-\u202E\u2066-\u2069]*$/u, { error: 'must be one line without control characters' });

const duration = z.union([z.number(), z.string()]).transform((value, context) => {
  try {
    return durationMs(value);
  } catch {
    context.addIssue({
      code: 'custom',
      message: 'must be milliseconds, or text such as 250ms, 1.5s, 10m, 2h',
    });
    return z.NEVER;
  }
});

const backoff = z.union([
  duration.transform((initialMs) => ({ initialMs })),
  z.strictObject({
    initial: duration.optional(),
    max: duration.optional(),
    factor: z.number().min(1).max(100).optional(),
    jitter: z.number().min(0).max(1).optional(),
  }),
]);

const retry = z.strictObject({ attempts: z.int().min(1).max(1000).optional(), backoff: backoff.optional() });

const taskDefaults = z.strictObject({
  orchestrator: name.optional(),
  timeout: duration.optional(),
  retry: retry.optional(),
});

const task = z
  .strictObject({
    title: title.optional(),
    orchestrator: name.optional(),
    uses: z.string().min(1).optional(),
    run: z.string().min(1).optional(),
    simulate: duration.optional(),
    needs: z.union([name.transform((one) => [one]), z.array(name)]).optional(),
    with: z.record(z.string(), z.unknown()).optional(),
    retry: retry.optional(),
    timeout: duration.optional(),
    estimate: duration.optional(),
    optional: z.boolean().optional(),
    produces: z.array(z.string().min(1)).optional(),
  })
  .refine(
    (value) => [value.uses, value.run, value.simulate].filter((work) => work !== undefined).length === 1,
    {
      error:
        'must have exactly one of: uses (a worker function), run (a shell command), simulate (a duration)',
    },
  );

const barrier = z.strictObject({
  title: title.optional(),
  participants: z.array(name).min(1),
  after: z.array(name).min(1),
  before: z.array(name).optional(),
  check: z.string().min(1).optional(),
});

const orchestrator = z.strictObject({ concurrency: z.int().min(1).max(10_000).optional() });

export const planDocument = z.strictObject({
  name: title,
  workers: z.string().min(1).optional(),
  defaults: taskDefaults.optional(),
  orchestrators: z.record(name, z.union([orchestrator, z.null()])).optional(),
  tasks: z.record(name, task),
  barriers: z.record(name, barrier).optional(),
});

/** A plan as its file says it, after the defaults of single fields but before those of the plan. */
export type PlanDocument = z.output<typeof planDocument>;
/** What a TypeScript plan file may export: the same, as it is written. */
export type PlanSource = z.input<typeof planDocument>;

/** Gives a TypeScript plan file its types: `export default definePlan({ name: ..., tasks: { ... } })`. */
export function definePlan(source: PlanSource): PlanSource {
  return source;
}

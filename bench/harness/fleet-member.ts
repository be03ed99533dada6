import { startProfile } from './profile.ts';

/** Set in the environment of a sample that is profiled, and so in its fleet's. */
export const PROFILE_VARIABLE = 'TUTTI_BENCH_PROFILE';
/** The method by which a profiled process says what it did. */
export const PROFILE_METHOD = '$profile';
/** The method by which a process that was started with `--expose-gc` collects its garbage. */
export const COLLECT_METHOD = '$collect';

/** From the sample to a process of its fleet. */
export interface FleetCall {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

/** And back. */
export type FleetAnswer =
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'problem'; readonly id: number; readonly problem: string }
  | { readonly type: 'event'; readonly event: string; readonly value: number };

const send = (answer: FleetAnswer) => void process.send?.(answer);

/** Makes this process do what its fleet calls for. It ends when the fleet is gone. */
export function serve(methods: Readonly<Record<string, (argument: never) => unknown>>): void {
  const profile = process.env[PROFILE_VARIABLE] === undefined ? undefined : startProfile();
  const all: typeof methods = {
    ...methods,
    [PROFILE_METHOD]: async () => await (await profile)?.(),
    [COLLECT_METHOD]: () => globalThis.gc?.(),
  };
  process.on('message', ({ id, method, argument }: FleetCall) => {
    void (async () => {
      try {
        const action = all[method];
        if (!action) throw new Error(`no method ${method}`);
        send({ type: 'result', id, value: await action(argument as never) });
      } catch (thrown) {
        const problem = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
        send({ type: 'problem', id, problem });
      }
    })();
  });
  process.once('disconnect', () => process.exit(0));
}

/** Tells the fleet a count that it did not ask for. */
export function tell(event: string, value: number): void {
  send({ type: 'event', event, value });
}

/** Milliseconds on a clock that all processes of one machine share. */
export function sharedNowMs(): number {
  return performance.timeOrigin + performance.now();
}

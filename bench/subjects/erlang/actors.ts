import type { Measurement, Sizes } from '../../harness/case.ts';
import { runErlang } from './erlang.ts';

/** Runs one of the programs of `actors.erl`. */
export function erlangActors(what: 'oneway' | 'pingpong' | 'spawn') {
  return ({ erlangCount }: Sizes): Promise<Measurement> =>
    runErlang('actors', { variables: { BENCH_WHAT: what, BENCH_COUNT: String(erlangCount) } });
}

/** One event to every member of a process group, ten events at a time. */
export function erlangBroadcast({ subscribers, events }: Sizes): Promise<Measurement> {
  return runErlang('broadcast', {
    variables: { BENCH_COUNT: String(subscribers), BENCH_EVENTS: String(events) },
  });
}

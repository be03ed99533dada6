import { partsOf } from '@tutti/actors';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { countTasks, mustBeWhole } from './drive.ts';
import { benchPlan, benchTask } from './plans.ts';
import { volatileNode } from './volatile.ts';
import { mustBearOut, WorkWitness } from './work-witness.ts';

/**
 * Many sessions at once, each of a few tasks in a row: all must get on. Slowest over fastest is how unevenly they are
 * served; the share that had begun when the first was over says whether anybody had to wait for others to end.
 */
export async function openSessions({ few, many, tasks }: Sizes): Promise<Measurement> {
  await measure(Math.ceil(few! / 10), tasks!);
  const small = await measure(few!, tasks!);
  const large = await measure(many!, tasks!);
  return {
    figures: {
      'ratio-few': small.ratio,
      'ratio-many': large.ratio,
      'begun-few': small.begun,
      'begun-many': large.begun,
      'rate-few': small.perS,
      'rate-many': large.perS,
    },
    verified: `${few} and ${many} sessions open at once, ${small.done + large.done} tasks done, each once; as many calls`,
  };
}

async function measure(sessions: number, tasks: number) {
  const witness = new WorkWitness();
  const node = await volatileNode(witness);
  const { orchestration } = node;
  const chain = benchPlan(
    Array.from({ length: tasks }, (_, i) => benchTask(`t${i}`, i === 0 ? [] : [`t${i - 1}`])),
    4,
  );
  const begunSessions = new Set<string>();
  orchestration.board.watch({
    applied(command, outcome) {
      if (outcome instanceof Error) return;
      for (const part of partsOf(command)) if (part.type === 'task.complete') begunSessions.add(part.session);
    },
  });
  const start = performance.now();
  const ids = await Promise.all(Array.from({ length: sessions }, () => orchestration.submit(chain)));
  let begun = 0;
  const times: number[] = [];
  let done = 0;
  await Promise.all(
    ids.map(async (id) => {
      const record = await orchestration.waitFor(id);
      if (times.length === 0) begun = begunSessions.size / sessions;
      times.push(performance.now() - start);
      done += mustBeWhole(countTasks(record, tasks));
    }),
  );
  const perS = (sessions * 1_000) / (performance.now() - start);
  await node.stop();
  mustBearOut(witness.calls, done);
  return { ratio: Math.max(...times) / Math.min(...times), begun, perS, done };
}

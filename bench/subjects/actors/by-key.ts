import { createRouter } from '@tutti/runtime';
import { type EventObject, fromTransition } from 'xstate';
import { HashRing } from '../../../packages/runtime/src/routing/hash-ring.ts';
import { hashText } from '../../../packages/runtime/src/sharding/shard-id.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { nextTurn } from '../../harness/load.ts';
import { Arrivals, mustEqual } from './arrivals.ts';
import { localSystem } from './local-system.ts';

const KEYS = Array.from({ length: 65_536 }, (_, i) => `order-${i}`);
const SENDS_PER_TURN = 10_000;

type Keyed = EventObject & { readonly key: number };
type Find = (key: string) => string;

const namesOf = (count: number) => Array.from({ length: count }, (_, i) => `bench#1/worker-${i}`);

export async function throughRouter({
  few = 0,
  many = 0,
  messages = 0,
  lookups = 0,
}: Sizes): Promise<Measurement> {
  const rates = { few: await routed(few, messages), many: await routed(many, messages) };
  const ring = new HashRing<string>();
  const names = namesOf(few);
  const findIn = (members: readonly string[]): Find => {
    ring.set(members, (name) => name);
    return (key) => ring.find(key)!;
  };
  const spread = spreadOf(findIn, names);
  return {
    figures: { ...rates, lookups: rateOf(findIn(namesOf(many)), lookups), ...spread },
    verified: `${2 * messages} messages, each key at one routee; no key moved but those of who left`,
  };
}

export async function rendezvous({ few = 0, many = 0, scans = 0 }: Sizes): Promise<Measurement> {
  const findIn =
    (members: readonly string[]): Find =>
    (text) => {
      let [best, highest] = ['', -1];
      for (const name of members) {
        const score = hashText(`${name} ${text}`);
        if (score > highest) [best, highest] = [name, score];
      }
      return best;
    };
  return await Promise.resolve({
    figures: { lookups: rateOf(findIn(namesOf(many)), scans), ...spreadOf(findIn, namesOf(few)) },
    verified: 'no key moved but those of who left',
  });
}

/** Messages per second through one router to its routees. */
async function routed(routees: number, messages: number): Promise<number> {
  const system = localSystem();
  const arrivals = new Arrivals();
  const handledBy = new Int32Array(KEYS.length).fill(-1);
  const events = KEYS.map((_, i): Keyed => ({ type: 'WORK', key: i }));
  const group = Array.from({ length: routees }, (_, at) =>
    system.spawn(
      fromTransition((n: number, { key }: Keyed) => {
        if (handledBy[key] !== -1 && handledBy[key] !== at)
          throw new Error(`key ${key} came to ${at} and to ${handledBy[key]}`);
        handledBy[key] = at;
        arrivals.arrive();
        return n + 1;
      }, 0),
      { id: `worker-${at}` },
    ),
  );
  const router = createRouter(system, {
    group,
    strategy: 'consistent-hash',
    keyOf: (event) => KEYS[(event as Keyed).key]!,
  });
  const play = async (count: number) => {
    const wanted = arrivals.count + count;
    for (let i = 0; i < count; i++) {
      router.send(events[i % events.length]!);
      if (i % SENDS_PER_TURN === 0) await nextTurn();
    }
    await arrivals.until(wanted);
  };
  await play(KEYS.length);
  const start = performance.now();
  await play(messages);
  const seconds = (performance.now() - start) / 1_000;
  mustEqual('messages handled', arrivals.count, KEYS.length + messages);
  await system.stop();
  return messages / seconds;
}

function rateOf(find: Find, times: number): number {
  let found = 0;
  for (let i = 0; i < times / 10; i++) found += find(KEYS[i % KEYS.length]!).length;
  const start = performance.now();
  for (let i = 0; i < times; i++) found += find(KEYS[i % KEYS.length]!).length;
  const seconds = (performance.now() - start) / 1_000;
  if (found === 0) throw new Error('no key belongs to anybody');
  return times / seconds;
}

/** How evenly keys are spread, and how many move when the first member leaves. */
function spreadOf(findIn: (members: readonly string[]) => Find, names: readonly string[]) {
  const before = KEYS.map(findIn(names));
  const after = KEYS.map(findIn(names.slice(1)));
  const strays = KEYS.filter((_, i) => before[i] !== names[0] && after[i] !== before[i]);
  mustEqual('keys that moved between members that stayed', strays.length, 0);
  const sizes = [...Map.groupBy(before, (name) => name).values()].map(({ length }) => length);
  const percent = 100 / KEYS.length;
  return {
    moved: before.filter((name, i) => name !== after[i]).length * percent,
    fullest: Math.max(...sizes) * names.length * percent,
  };
}

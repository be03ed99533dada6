import { seededRandom } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { chooser } from './strategies.ts';

type Keyed = EventObject & { readonly key: string };

test('by key the routees are looked through when they have changed, not for each message', () => {
  const { system } = createTestSystem();
  const logic = fromTransition((state: undefined) => state, undefined);
  let reads = 0;
  const routees = Array.from(
    { length: 1_000 },
    (): Ref =>
      new Proxy<Ref>(system.spawn(logic), {
        get: (ref, name) => {
          if (name === 'address') reads++;
          return Reflect.get(ref, name, ref) as unknown;
        },
      }),
  );
  const random = seededRandom(1);
  const keyOf = (event: EventObject) => (event as Keyed).key;
  const choose = chooser('consistent-hash', keyOf, (refs) => random.pick(refs));
  const send = (list: readonly Ref[]) => {
    for (let i = 0; i < 100; i++) choose({ type: 'work', key: `order-${i}` } as Keyed, list);
  };
  send(routees);
  expect(reads).toBe(1_000);
  send(routees.slice(1));
  expect(reads).toBe(1_999);
});

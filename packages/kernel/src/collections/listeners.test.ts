import { expect, test } from 'vitest';
import { Listeners } from './listeners.ts';

type Told = (value: number) => void;

test('listeners are told in their order, each as often as it listens, whatever another throws', () => {
  const listeners = new Listeners<Told>();
  const told: unknown[] = [];
  const twice = (value: number) => void told.push(value);
  listeners.add(twice);
  listeners.add((value) => {
    throw new Error(`not ${value}`);
  });
  const end = listeners.add(twice);
  const tell = (value: number) =>
    listeners.tell(
      (listener) => listener(value),
      (thrown) => told.push((thrown as Error).message),
    );
  tell(1);
  end();
  end();
  tell(2);
  expect(told).toEqual([1, 'not 1', 1, 2, 'not 2']);
  expect(listeners.size).toBe(2);
});

test('one that is renewed while it is told waits for the next time, and one that is taken off is not told any more', () => {
  const listeners = new Listeners<() => void>();
  const told: string[] = [];
  const tell = () =>
    listeners.tell(
      (listener) => listener(),
      () => expect.unreachable(),
    );
  const renew = () => {
    told.push('renewed');
    end();
    endOther();
    if (told.length < 100) end = listeners.add(renew);
  };
  let end = listeners.add(renew);
  const endOther = listeners.add(() => told.push('other'));
  tell();
  expect(told).toEqual(['renewed']);
  tell();
  expect(told).toEqual(['renewed', 'renewed']);
});

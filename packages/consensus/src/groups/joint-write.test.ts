import { expect, test } from 'vitest';
import type { WriteCallback } from '../storage/log-store.ts';
import { JointWrite } from './joint-write.ts';

function joined(writes: number) {
  const ends: (Error | undefined)[] = [];
  const joint = new JointWrite((failure) => ends.push(failure));
  const each = Array.from({ length: writes }, (): WriteCallback => joint.one());
  return { ends, joint, each };
}

test('it is over when all that was begun is, and no more will be, in whatever order', () => {
  const { ends, joint, each } = joined(2);
  each[1]!(undefined);
  joint.end();
  expect(ends).toEqual([]);
  each[0]!(undefined);
  expect(ends).toEqual([undefined]);
  const none = joined(0);
  none.joint.end();
  expect(none.ends).toEqual([undefined]);
});

test('it fails with what failed first, and not before all is over', () => {
  const { ends, joint, each } = joined(3);
  const [first, second] = [new Error('first'), new Error('second')];
  each[2]!(first);
  joint.end(second);
  each[0]!(undefined);
  expect(ends).toEqual([]);
  each[1]!(undefined);
  expect(ends).toEqual([first]);
});

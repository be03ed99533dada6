import { expect, test } from 'vitest';
import { TopicTree } from './topic-pattern.ts';

test('a topic has as many subscribers as a node may hold, not as many as a call may have arguments', () => {
  const tree = new TopicTree<number>();
  const count = 200_000;
  for (let i = 0; i < count; i++) {
    tree.add(['orders', 'paid'], i);
    tree.add(['orders', '**'], -i - 1);
  }
  expect(tree.match(['orders', 'paid'])).toHaveLength(2 * count);
});

test('what is found does not change while it is given out', () => {
  const tree = new TopicTree<string>();
  tree.add(['a'], 'first');
  const found = tree.match(['a']);
  tree.add(['a'], 'second');
  tree.delete(['a'], 'first');
  expect(found).toEqual(['first']);
});

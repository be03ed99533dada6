import { expect, test } from 'vitest';
import { measurementOf } from './erlang.ts';

test('a program’s figures, its times one by one, and what it verified are read from what it prints', () => {
  const { figures, histograms, verified } = measurementOf(
    'figure rate 5.9e6\ntimes trip [70,82.5,1.0e3]\nverified 3 came back\n',
  );
  expect(figures).toEqual({ rate: 5.9e6 });
  expect(histograms!['trip']).toMatchObject({ count: 3, min: 70, max: 1_000 });
  expect(verified).toBe('3 came back');
});

test('a program that does not say what it verified has measured nothing', () => {
  expect(() => measurementOf('figure rate 1\n')).toThrow('did not say what it verified');
});

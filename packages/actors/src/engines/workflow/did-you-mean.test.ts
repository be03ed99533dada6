import { describe, expect, it } from 'vitest';
import { didYouMean } from './did-you-mean.ts';

describe('a misspelt name', () => {
  const known = ['build', 'cart-api', 'order-management'];

  it.each([
    ['biuld', 'build'],
    ['buld', 'build'],
    ['card-api', 'cart-api'],
    ['order-managment', 'order-management'],
  ])('%s is taken for %s', (name, meant) => {
    expect(didYouMean(name, known)).toBe(`; did you mean "${meant}"?`);
  });

  it('is taken for nothing when nothing is near', () => {
    expect(didYouMean('checkout', known)).toBe('');
    expect(didYouMean('bdliu', known)).toBe('');
  });
});

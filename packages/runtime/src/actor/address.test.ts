import { incarnation, nodeId } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { localPrefix, nameUnder, parseLocalAddress } from './address.ts';

const PREFIX = localPrefix(nodeId('a'), incarnation(7));

test('the short way to a name finds what taking the address apart finds, or nothing', () => {
  const prefix = fc.constantFrom(PREFIX, 'local:a/8/', 'local:b/7/', 'local:a/7', 'entity:a/7/');
  const rest = fc.string({ unit: fc.constantFrom('x', '1', '/', '#', '~', '.'), maxLength: 6 });
  fc.assert(
    fc.property(prefix, rest, (start, end) => {
      const address = start + end;
      const name = nameUnder(PREFIX, address);
      const whole = parseLocalAddress(address);
      const isOwn = whole?.nodeId === 'a' && whole.incarnation === 7;
      const isName = isOwn && whole.uid === undefined && !whole.path.includes('/');
      expect(name, address).toBe(isName ? whole.path : undefined);
    }),
    { numRuns: 1_000 },
  );
});

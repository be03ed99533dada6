import { describe, expect, expectTypeOf, it } from 'vitest';
import { AssertionError, assert, unreachable } from '../assert.ts';
import { type DetailsOf, ERRORS, type ErrorCode } from './error-table.ts';
import { isTuttiError, messageOf, TuttiError } from './tutti-error.ts';

describe('a coded error', () => {
  it('fills its message and its way out with the details', () => {
    const error = new TuttiError('TUTTI_TIMEOUT', { what: 'the vote', timeoutMs: 250 });
    expect(error.message).toBe('the vote took longer than 250 ms');
    expect(error.wayOut).toBe('Allow more time, or look at why the other side is slow.');
  });

  it('asks, where its code is known, for every detail that the message and the way out show', () => {
    expectTypeOf<DetailsOf<'TUTTI_TIMEOUT'>>().toEqualTypeOf<'what' | 'timeoutMs'>();
    expectTypeOf<DetailsOf<'TUTTI_DETECTOR_UNKNOWN'>>().toEqualTypeOf<'check' | 'known'>();
    type Arguments = ConstructorParameters<typeof TuttiError<'TUTTI_ABORTED'>>;
    expectTypeOf<['TUTTI_ABORTED', { what: string }]>().toExtend<Arguments>();
    expectTypeOf<['TUTTI_ABORTED', { how: string }]>().not.toExtend<Arguments>();
  });

  it('shows what was left out as a question mark, and structures as JSON', () => {
    const code = 'TUTTI_TIMEOUT';
    expect(new TuttiError(code as ErrorCode, { what: ['a', 1] }).message).toBe(
      '["a",1] took longer than ? ms',
    );
  });

  it.each(Object.keys(ERRORS) as ErrorCode[])('%s survives a trip through JSON', (code) => {
    const holes = ERRORS[code].message.matchAll(/\{(\w+)\}/g);
    const details = Object.fromEntries(Array.from(holes, ([, hole], i) => [hole, i % 2 ? i : `text ${i}`]));
    const error = new TuttiError(code, details);
    const back = TuttiError.fromJSON(JSON.parse(JSON.stringify(error)) as { code: string });
    expect(back.toJSON()).toEqual(error.toJSON());
    expect(back.message).not.toContain('?');
  });

  it('that this version does not know becomes TUTTI_INTERNAL with the code in it', () => {
    for (const code of ['TUTTI_FROM_THE_FUTURE', 'toString', '__proto__']) {
      const error = TuttiError.fromJSON({ code, message: 'hm' });
      expect(error.code).toBe('TUTTI_INTERNAL');
      expect(error.message).toContain(`${code}: hm`);
    }
  });

  it('can be made of any details, even such as JSON cannot say', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const [value, text] of [
      [1n, '1'],
      [cycle, 'object'],
      [() => 1, 'function'],
      [Symbol('s'), 'symbol'],
    ] as const)
      expect(new TuttiError('TUTTI_DURATION_INVALID', { value }).message).toContain(text);
  });

  it('is read back whatever another node sent as its details', () => {
    for (const details of [null, undefined, 'text', 7, []]) {
      const read = TuttiError.fromJSON({ code: 'TUTTI_ABORTED', details: details as null });
      expect(read.code).toBe('TUTTI_ABORTED');
      expect(read.message).toContain('?');
    }
  });

  it('keeps its cause, and is told from others by code', () => {
    const cause = new Error('below');
    const error = new TuttiError('TUTTI_CLOSED', { what: 'it' }, { cause });
    expect(error.cause).toBe(cause);
    expect([isTuttiError(error), isTuttiError(error, 'TUTTI_CLOSED')]).toEqual([true, true]);
    expect([isTuttiError(error, 'TUTTI_TIMEOUT'), isTuttiError(cause)]).toEqual([false, false]);
    expect([messageOf(cause), messageOf('text')]).toEqual(['below', 'text']);
    expect(messageOf(Object.create(null))).toBe('something that has no text was thrown');
  });
});

describe('an assertion', () => {
  it('passes what holds and names the belief that does not', () => {
    expect(() => assert(1, 'one is true')).not.toThrow();
    expect(() => assert(0, 'zero is true')).toThrow(new AssertionError('Broken invariant: zero is true'));
    expect(() => unreachable('x' as never)).toThrow('"x" is not one of the known cases');
  });
});

import { expect, test } from 'vitest';
import { missingDeliverables } from './deliverables.ts';

const missing = (output: unknown) => missingDeliverables(['api.json', 'ui.html'], output);

test('a deliverable is named by a key, by a value, or by an item of a list', () => {
  expect(missing({ 'api.json': { paths: {} }, 'ui.html': 'written' })).toEqual([]);
  expect(missing({ contract: 'api.json', page: 'ui.html' })).toEqual([]);
  expect(missing({ files: ['api.json', 'ui.html', 'more.txt'] })).toEqual([]);
  expect(missing(['api.json', 'ui.html'])).toEqual([]);
});

test('what is not named is missing, in the order of the plan', () => {
  expect(missing({ files: ['ui.html'] })).toEqual(['api.json']);
  expect(missing({})).toEqual(['api.json', 'ui.html']);
  expect(missing(null)).toEqual(['api.json', 'ui.html']);
  expect(missing('api.json')).toEqual(['ui.html']);
});

test('an empty value under its key does not deliver it', () => {
  expect(missing({ 'api.json': null, 'ui.html': false })).toEqual(['api.json', 'ui.html']);
});

test('a plan that expects nothing misses nothing', () => {
  expect(missingDeliverables([], undefined)).toEqual([]);
});

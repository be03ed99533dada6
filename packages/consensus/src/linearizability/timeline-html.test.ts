import { expect, test } from 'vitest';
import { checkLinearizable } from './check.ts';
import { type RegisterInput, type RegisterOutput, registerModel } from './models/register.ts';
import { HistoryRecorder } from './operation.ts';
import { timelineHtml } from './timeline-html.ts';

test('a violation is a page of its own, with a lane for each client and what has no place marked', () => {
  const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
  const key = 'x';
  recorder.call('ann', { op: 'write', key, value: '<one>' }).returned('done');
  recorder.call('bob', { op: 'write', key, value: 2 }).unknown();
  recorder.call('cid', { op: 'read', key }).returned(null);
  recorder.call('dan', { op: 'write', key, value: 3 });
  const verdict = checkLinearizable(recorder.operations(), registerModel);
  expect(verdict.verdict).toBe('violated');
  const page = verdict.verdict === 'violated' ? timelineHtml(verdict.violation, registerModel) : '';
  expect(page).toContain('<title>register &quot;x&quot; is not linearizable</title>');
  expect(page.match(/class="unplaceable"/g)).toHaveLength(1);
  expect(page).toContain('write &quot;&lt;one&gt;&quot; → done');
  expect(page).toContain('read → null has no place');
  // dan was called after it had returned, and no name of another place is in the page.
  for (const client of ['ann', 'bob', 'cid']) expect(page).toContain(`>${client}</text>`);
  expect(page).not.toContain('dan');
  expect(page).not.toMatch(/https?:|src=|href=/);
});

import { describe, expect, it } from 'vitest';
import type { RunDocument } from '../run/run-document.ts';
import { escapeHtml, htmlReport } from './html-report.ts';
import { timelineOf } from './timeline.ts';

const attempt = { incarnation: 1, assignedAt: 1000, problem: undefined };

const run: RunDocument = {
  session: 's1',
  plan: 'A <plan> & more',
  mode: 'eager',
  state: 'done',
  problem: undefined,
  openedAt: 1000,
  endedAt: 3000,
  tasks: [
    {
      id: 'a',
      title: '<script>alert(1)</script>',
      orchestrator: 'backend',
      level: 0,
      needs: [],
      state: 'done',
      node: 'n2',
      attempts: 2,
      fence: 7,
      startedAt: 2000,
      endedAt: 3000,
      completions: 1,
      attemptLog: [
        { ...attempt, number: 1, fence: 3, node: 'n1', startedAt: 1100, endedAt: 1500, outcome: 'lost' },
        { ...attempt, number: 2, fence: 7, node: 'n2', startedAt: 2000, endedAt: 3000, outcome: 'done' },
      ],
      output: {},
    },
  ],
  barriers: [
    {
      id: 'meet',
      title: 'Meet',
      participants: ['backend'],
      state: 'released',
      arrivals: { backend: 2500 },
      releasedAt: 2600,
      waitMs: 100,
      conflicts: [],
    },
  ],
  recoveries: [],
  staleResults: 0,
  intake: 'while-running',
  forgotten: 0,
  nodes: [
    { id: 'n1', pid: 1, state: 'killed' },
    { id: 'n2', pid: 2, state: 'up' },
  ],
  leader: { first: 'n1', last: 'n2' },
  kills: [{ node: 'n1', role: 'leader', at: 1500, gapMs: 1500, newLeader: 'n2' }],
  makespanMs: 2000,
  committedTwice: 0,
  lost: 0,
  time: 'real',
  folder: '/tmp/x',
  report: undefined,
};

describe('the report', () => {
  const page = htmlReport(run);

  it('asks nothing of a network and runs no script', () => {
    expect(page).not.toMatch(/<script|<link|<img|url\(|https?:\/\//);
  });

  it('shows every attempt, the barrier and the kill in time', () => {
    const { bars, marks } = timelineOf(run);
    expect(bars.map(({ node, from, to, outcome }) => ({ node, from, to, outcome }))).toEqual([
      { node: 'n1', from: 100, to: 500, outcome: 'lost' },
      { node: 'n2', from: 1000, to: 2000, outcome: 'done' },
    ]);
    expect(marks.map(({ kind, at }) => ({ kind, at }))).toEqual([
      { kind: 'kill', at: 500 },
      { kind: 'barrier', at: 1600 },
    ]);
    expect(page.match(/<rect class="bar [^>]*><title>/g)).toHaveLength(4);
    expect(page).toContain('kill -9 n1 (leader), 1500 ms to the next completion');
  });

  it('lets no name of a plan become a part of the page', () => {
    expect(page).toContain(escapeHtml('<script>alert(1)</script>'));
    expect(escapeHtml(`<a href="x" b='y'>&`)).toBe('&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;');
  });
});

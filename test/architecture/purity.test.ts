import { describe, expect, it } from 'vitest';
import { ADAPTERS, BANS, purityProblems } from './purity.ts';
import { isTest, sources } from './sources.ts';

const PURE = 'packages/{kernel,consensus,runtime,actors}/src/**/*.ts';
const files = sources([PURE]).filter(({ path }) => !isTest(path));

describe('time, chance and the outside world', () => {
  it('come in by the door in kernel, consensus, runtime and actors', () => {
    expect(files.length).toBeGreaterThan(40);
    expect(files.flatMap(purityProblems)).toEqual([]);
  });

  it('are touched by every adapter that is named, or its name goes off the list', () => {
    for (const { path } of ADAPTERS) {
      const found = files.filter((file) => path.test(file.path));
      expect(found.length, String(path)).toBeGreaterThan(0);
    }
  });
});

describe('the purity rules', () => {
  const problems = (text: string, path = 'packages/runtime/src/a.ts') => purityProblems({ path, text });

  it.each([
    ['Date.now()', 'Clock.now'],
    ['new Date()', 'Clock.now'],
    ['new Date( )', 'Clock.now'],
    ['const at = new Date;', 'Clock.now'],
    ['performance.now()', 'Clock.now'],
    ['const r = Math.random', 'Random'],
    ['crypto.randomUUID()', 'IdSource'],
    ['setTimeout(() => {}, 5)', 'Clock.setTimer'],
    ['new Promise((r) => setTimeout(r, 5))', 'Clock.setTimer'],
    ['const later = setImmediate;', 'Clock.nextTurn'],
    ['setInterval(tick, 1)', 'Clock.setTimer'],
    ['queueMicrotask(run)', 'Clock.nextTurn'],
    ['process.env.HOME', 'an option'],
    ["process['exit'](1)", 'an option'],
    ['console.log(1)', 'Logger'],
    ['globalThis.fetch', 'handed in'],
    ['`${Date.now()}`', 'Clock.now'],
  ])('refuse %s', (text, instead) => {
    expect(problems(`a();\n${text}\n`)).toEqual([expect.stringContaining(instead)]);
    expect(problems(`a();\n${text}\n`)[0]).toContain('packages/runtime/src/a.ts:2 uses');
  });

  it.each([
    'const at: Date | undefined = undefined;',
    'function show(date: Date): string;',
    'const clock = { setTimeout: (fn: () => void) => fn(), clearTimeout: () => {} };',
    'const clock = { setTimeout(fn: () => void, ms: number) { return clock.setTimer(ms, fn); } };',
    'class C { setTimeout(fn: () => void): number { return 1; } }',
    'interface Clock { setTimeout(fn: () => void, ms: number): unknown; }',
    'clock.setTimeout(run, 5); this.#process.run(); order.process.next();',
    'if (value instanceof Date) return;',
    'const at = new Date(timeMs); // reads no clock',
    "const text = 'Date.now()'; // new Date(), process.exit()",
    'const processed = 1; const consoles = [2];',
    'export interface Step { readonly process: string; console?: number }',
  ])('accept %s', (text) => {
    expect(problems(text)).toEqual([]);
  });

  it('let an adapter use what it is for and nothing else', () => {
    expect(problems('setImmediate(x)', 'packages/kernel/src/clock/virtual-clock.ts')).toEqual([]);
    expect(problems('Date.now()', 'packages/kernel/src/clock/virtual-clock.ts')).toHaveLength(1);
    expect(BANS).toHaveLength(11);
  });
});

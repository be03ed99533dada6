import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runTypeScript } from '../docs/run-snippet.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-killed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A node that keeps its log in the folder of the test, and takes snapshots all the time. */
const NODE = (directory: string) => `
import { createNode, reply } from 'tutti';
import { assign, setup } from 'xstate';

const order = setup({ types: { context: {} as { reminders: number } } }).createMachine({
  id: 'order',
  context: { reminders: 0 },
  initial: 'placed',
  on: { read: { actions: reply(({ context }) => context.reminders) }, place: { actions: reply('placed') } },
  states: {
    placed: { after: { 2_000: { target: 'reminded', actions: assign({ reminders: ({ context }) => context.reminders + 1 }) } } },
    reminded: {},
  },
});
const counter = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  on: { add: { actions: [assign({ n: ({ context }) => context.n + 1 }), reply(({ context }) => context.n)] } },
});
const node = createNode({ dataDir: ${JSON.stringify(join(folder, directory))}, snapshotEntries: 10 });
node.entity('order', order);
node.entity('kept', counter, { remember: true });
node.entity('ended', setup({}).createMachine({ initial: 'a', states: { a: { on: { end: 'b' } }, b: { type: 'final' } } }));
await node.start();
const keys = Array.from({ length: 30 }, (_, i) => \`k\${i}\`);
`;

describe('entities of a process that is killed', () => {
  it('are alive again by themselves, are reminded when it is time, and what has ended stays ended', async () => {
    const killed = await runTypeScript(`${NODE('one')}
await node.ref('order', '17').ask({ type: 'place' });
await Promise.all(keys.map((key) => node.ref('kept', key).ask({ type: 'add' })));
const over = new Promise((resolve) => node.ref('ended', 'x').watch(resolve));
node.ref('ended', 'x').send({ type: 'end' });
await over;
console.log('all is stored');
process.kill(process.pid, 'SIGKILL');
await new Promise(() => {});
`);
    expect(killed).toMatchObject({ code: null, stdout: 'all is stored\n' });
    const again = await runTypeScript(`${NODE('one')}
while ((node.status().entities['kept'] ?? 0) < keys.length) await new Promise((resolve) => setTimeout(resolve, 5));
const { stored, ended, entities } = node.status();
console.log(JSON.stringify({ stored, ended, kept: entities['kept'] }));
while ((await node.ref('order', '17').ask({ type: 'read' })) === 0) await new Promise((resolve) => setTimeout(resolve, 50));
console.log('reminded', await node.ref('order', '17').ask({ type: 'read' }));
console.log(await node.ref('kept', 'k7').ask({ type: 'add' }));
console.log(await node.ref('ended', 'x').ask({ type: 'end' }).catch(({ code }) => code));
process.exit(0);
`);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(again.stdout.split('\n')).toEqual([
      JSON.stringify({ stored: { order: 1, kept: 30, ended: 0 }, ended: 1, kept: 30 }),
      'reminded 1',
      '2',
      'TUTTI_ACTOR_UNKNOWN',
      '',
    ]);
  });
});

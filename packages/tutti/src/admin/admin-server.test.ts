import { afterEach, beforeEach, expect, it } from 'vitest';
import { createNode, type TuttiNode } from '../node/create-node.ts';
import { type Admin, startAdmin } from './admin-server.ts';

const TOKEN = 'a token of this test';
let node: TuttiNode;
let admin: Admin;

beforeEach(async () => {
  admin = await startAdmin({ port: 0, token: TOKEN, node: 'n1' });
});

afterEach(async () => {
  await admin.close();
  await node.stop();
});

async function asked(path: string): Promise<[status: number, code: unknown]> {
  const answer = await fetch(`${admin.url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return [answer.status, ((await answer.json()) as { code?: string }).code];
}

it('serves a node without orchestration: all but sessions', async () => {
  node = createNode({ orchestration: false });
  await node.start();
  admin.serve(node);
  expect(await asked('/health/ready')).toEqual([200, undefined]);
  expect(await asked('/status')).toEqual([200, undefined]);
  expect(await asked('/top')).toEqual([200, undefined]);
  expect(await asked('/sessions')).toEqual([501, 'TUTTI_ORCHESTRATION_OFF']);
  expect(await asked('/sessions/s1/events')).toEqual([501, 'TUTTI_ORCHESTRATION_OFF']);
});

it('serves the sessions of a node with orchestration', async () => {
  node = createNode();
  await node.start();
  admin.serve(node);
  expect(await asked('/sessions')).toEqual([200, undefined]);
  expect(await asked('/sessions/s1/events')).toEqual([404, 'TUTTI_SESSION_UNKNOWN']);
});

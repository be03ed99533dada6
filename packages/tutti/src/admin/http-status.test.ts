import { ERRORS, type ErrorCode, TuttiError } from '@tutti/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Admin, startAdmin } from './admin-server.ts';

const TOKEN = 'token';
let admin: Admin;
let refusal: Error;

beforeAll(async () => {
  const refuse = () => Promise.reject(refusal);
  admin = await startAdmin({ port: 0, token: TOKEN, node: 'n1', launcher: { add: refuse, remove: refuse } });
});
afterAll(() => admin.close());

async function answerTo(thrown: Error): Promise<{ readonly status: number; readonly code: unknown }> {
  refusal = thrown;
  const headers = { authorization: `Bearer ${TOKEN}` };
  const response = await fetch(`${admin.url}/cluster/nodes/n2`, { method: 'DELETE', headers });
  return { status: response.status, code: ((await response.json()) as { code: unknown }).code };
}

const coded = (code: string): TuttiError => TuttiError.fromJSON({ code });

/** By what a caller does about it. */
const TABLE: readonly (readonly [string, number, readonly ErrorCode[]])[] = [
  ['correct the request', 400, ['TUTTI_PLAN_SYNTAX', 'TUTTI_OPTION_INVALID', 'TUTTI_MEMBERSHIP_INVALID']],
  ['show who it is', 401, ['TUTTI_ADMIN_UNAUTHORIZED']],
  ['name something else', 404, ['TUTTI_SESSION_UNKNOWN', 'TUTTI_NODE_UNKNOWN', 'TUTTI_NOT_A_MEMBER']],
  ['look at the state first', 409, ['TUTTI_MEMBER_BEHIND', 'TUTTI_NO_VOTER_LEFT', 'TUTTI_SESSION_EXISTS']],
  ['make it smaller', 413, ['TUTTI_PROPOSAL_TOO_LARGE', 'TUTTI_PLAN_TOO_LARGE']],
  ['ask another node', 501, ['TUTTI_NO_LAUNCHER', 'TUTTI_ORCHESTRATION_OFF']],
  ['ask again', 503, ['TUTTI_NO_LEADER', 'TUTTI_OVERLOADED', 'TUTTI_STORE_FULL', 'TUTTI_CLOSED']],
  ['find out what became of it', 504, ['TUTTI_OUTCOME_UNKNOWN', 'TUTTI_TIMEOUT', 'TUTTI_TRANSFER_TIMEOUT']],
  ['report it', 500, ['TUTTI_INTERNAL', 'TUTTI_NODE_DIED', 'TUTTI_STORE_CORRUPT']],
];

test.each(TABLE)('what its caller can only %s is answered with %i', async (_what, status, codes) => {
  for (const code of codes) expect(await answerTo(coded(code))).toEqual({ status, code });
});

test('every code that there is goes to its caller by its name, beside a status of an error', async () => {
  for (const code of Object.keys(ERRORS)) {
    const answer = await answerTo(coded(code));
    expect(answer.code).toBe(code);
    expect(answer.status, code).toBeGreaterThanOrEqual(400);
  }
});

test('what the group may have done, or may do yet, is never called a fault of its caller', async () => {
  const open = Object.keys(ERRORS).filter((code) => /OUTCOME_UNKNOWN|TIMEOUT|SESSION_EXPIRED/.test(code));
  expect(open).toContain('TUTTI_OUTCOME_UNKNOWN');
  for (const code of open) expect((await answerTo(coded(code))).status, code).toBeGreaterThanOrEqual(500);
});

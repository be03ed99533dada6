import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TuttiError } from '@tutti/kernel';
import { afterEach, describe, expect, it, test } from 'vitest';
import { AdminClient } from './admin-client.ts';

/** What a node says; nothing if it hangs up instead. */
type Answer = TuttiError | object | undefined;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A node that gives these answers to each kind of request, the last one again and again; and what it was asked. */
async function node(answers: Readonly<Record<string, readonly Answer[]>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const what = `${request.method!} ${request.url!}`;
    const said = answers[what]!;
    const answer = said[Math.min(asked.filter((one) => one === what).length, said.length - 1)]!;
    asked.push(what);
    if (!answer) {
      request.socket.destroy();
      return;
    }
    const isRefusal = answer instanceof TuttiError;
    response.writeHead(isRefusal ? 409 : 200, { connection: 'close' });
    response.end(JSON.stringify(isRefusal ? answer.toJSON() : answer));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const clientOf = (urls: readonly string[], patienceMs: number) =>
  new AdminClient(() => urls, 'token', { patienceMs });

/** Where nobody listens. */
async function nowhere(): Promise<string> {
  const { url } = await node({});
  const server = servers.pop()!;
  await new Promise((closed) => server.close(closed));
  return url;
}

const changing = new TuttiError('TUTTI_MEMBERSHIP_CHANGING', { under: 'entry 7 is not committed' });
const removal = 'DELETE /cluster/members/n3';

describe('a change of the membership that comes while another is under way', () => {
  it('is asked for again until the other one is over', async () => {
    const { url, asked } = await node({ [removal]: [changing, changing, { voters: ['n1'] }] });
    await expect(clientOf([url], 30_000).removeMember('n3')).resolves.toEqual({ voters: ['n1'] });
    expect(asked).toHaveLength(3);
  });

  it('is refused for that in the end, and not because a node that was asked as well is gone', async () => {
    const { url } = await node({ [removal]: [changing] });
    const gone = await nowhere();
    for (const urls of [
      [url, gone],
      [gone, url],
    ])
      await expect(clientOf(urls, 300).removeMember('n3')).rejects.toMatchObject({ code: changing.code });
    await expect(clientOf([gone], 300).removeMember('n3')).rejects.toMatchObject({
      code: 'TUTTI_ADMIN_UNREACHABLE',
    });
  });

  // That attempt may be the change that is under way.
  it.each([
    ['nobody answered', undefined],
    ['the answer was late', new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what: 'The change', when: 'in time' })],
    ['its node was being closed', new TuttiError('TUTTI_CLOSED', { what: 'The replica' })],
  ])('may be done after all once %s to an attempt at it', async (_, answer) => {
    const { url, asked } = await node({ [removal]: [changing, answer, changing] });
    const ended = () => (asked.length >= 3 ? 'it is over' : undefined);
    const client = new AdminClient(() => [url], 'token', { patienceMs: 30_000, ended });
    await expect(client.removeMember('n3')).rejects.toMatchObject({
      code: 'TUTTI_OUTCOME_UNKNOWN',
      cause: { code: changing.code },
    });
  });
});

describe('a change of the membership that nobody confirms', () => {
  const late = new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what: 'The change', when: 'in time' });

  it.each([
    ['hung up', undefined],
    ['answered late', late],
  ])('may be done once a node %s', async (_, answer) => {
    const { url } = await node({ [removal]: [answer] });
    const gone = await nowhere();
    await expect(clientOf([url, gone], 300).removeMember('n3')).rejects.toMatchObject({
      code: 'TUTTI_OUTCOME_UNKNOWN',
      cause: { code: 'TUTTI_ADMIN_UNREACHABLE' },
    });
  });

  it.each([
    ['knows no leader', new TuttiError('TUTTI_NO_LEADER', { known: 'nothing was sent' })],
    ['has a leader that takes none', new TuttiError('TUTTI_OVERLOADED', { what: 'It', size: 1, limit: 1 })],
  ])('has come to nothing, and is told why, when each node that was asked %s', async (_, refusal) => {
    const { url, asked } = await node({ [removal]: [refusal] });
    const gone = await nowhere();
    await expect(clientOf([url, gone], 300).removeMember('n3')).rejects.toMatchObject({ code: refusal.code });
    expect(asked.length).toBeGreaterThan(1);
  });

  it('changes nothing for a question: that no node answers is all there is to say', async () => {
    const { url } = await node({ 'GET /sessions': [undefined] });
    await expect(clientOf([url], 300).sessions()).rejects.toMatchObject({ code: 'TUTTI_ADMIN_UNREACHABLE' });
  });
});

describe('a transfer that comes while another is under way', () => {
  const moving = new TuttiError('TUTTI_LEADERSHIP_MOVING', { target: 'n2' });
  const transfer = 'POST /cluster/transfer';
  const leads = (name: string) => ({
    node: name,
    consensus: { role: 'leader', term: 1, membership: { index: 1 } },
    stages: {},
  });

  it('waits until that one is over', async () => {
    const { url, asked } = await node({
      'GET /cluster': [leads('n1')],
      [transfer]: [moving, moving, { leader: 'n3' }],
    });
    await expect(clientOf([url], 30_000).transfer('n3')).resolves.toEqual({ leader: 'n3' });
    expect(asked.filter((what) => what === transfer)).toHaveLength(3);
  });

  it('is done with it if it was to the same node', async () => {
    const needless = new TuttiError('TUTTI_TRANSFER_NEEDLESS', { target: 'n2' });
    const { url } = await node({
      'GET /cluster': [leads('n1'), leads('n2')],
      [transfer]: [moving, needless],
    });
    await expect(clientOf([url], 30_000).transfer('n2')).resolves.toEqual({ leader: 'n2' });
  });

  it('is refused for that when it takes too long', async () => {
    const { url } = await node({ 'GET /cluster': [leads('n1')], [transfer]: [moving] });
    await expect(clientOf([url], 300).transfer('n3')).rejects.toMatchObject({ code: moving.code });
  });
});

test('a node that is still starting is passed over, and is what is said of when nobody else is there', async () => {
  const starting = new TuttiError('TUTTI_NODE_STARTING', { node: 'n1' });
  const one = await node({ [removal]: [starting], 'GET /status': [starting] });
  const other = await node({ [removal]: [{ voters: ['n1'] }], 'GET /status': [{ node: 'n2' }] });
  const both = clientOf([one.url, other.url], 30_000);
  await expect(both.removeMember('n3')).resolves.toEqual({ voters: ['n1'] });
  await expect(both.status()).resolves.toEqual({ node: 'n2' });
  await expect(clientOf([one.url], 300).removeMember('n3')).rejects.toMatchObject({
    code: 'TUTTI_NODE_STARTING',
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contactOf, createNode } from 'tutti';
import { afterAll, describe, expect, it } from 'vitest';
import { fromTransition } from 'xstate';
import { exists, type Started, start } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-joining-'));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

describe('a node that joins a group of one', () => {
  const adding = () => fromTransition((sum: number, event: { type: 'add'; by: number }) => sum + event.by, 0);
  const options = (name: string) => ({ name, dataDir: join(folder, name), listen: { port: 0 } });

  it('is reached by its contact, has the state, votes, and is told when it is out', async () => {
    const founder = createNode(options('n1'));
    const sum = founder.replicated('sum', adding());
    await founder.start();
    sum.send({ type: 'add', by: 2 });
    const newcomer = createNode({ ...options('n2'), joins: true, peers: [founder.address!] });
    const copy = newcomer.replicated('sum', adding());
    const caughtUp = new Promise<void>((resolve) => {
      copy.subscribe(({ context }) => context === 5 && resolve());
    });
    const started = newcomer.start();
    await expect.poll(() => newcomer.address, { timeout: 10_000 }).toBeDefined();
    const address = newcomer.address!;
    await founder.group.addLearner({ node: address.nodeId, contact: contactOf(address) }, { promote: true });
    await started;
    const standing = () => newcomer.group.status().membership.standing;
    await expect.poll(standing, { timeout: 20_000 }).toBe('voter');
    sum.send({ type: 'add', by: 3 });
    await caughtUp;
    await founder.group.removeMember(address.nodeId);
    await expect.poll(standing, { timeout: 20_000 }).toBe('removed');
    expect(founder.group.status().membership).toMatchObject({ voters: ['n1'], isCommitted: true });
    await newcomer.stop({ handOver: false });
    await founder.parts.consensus.readBarrier();
    await founder.stop({ handOver: false });
  });
});

/** What `tutti cluster status --json` says. */
interface Status {
  readonly leader: string;
  readonly nodes: readonly { readonly node: string; readonly standing: string; readonly role: string }[];
  readonly configuration: { readonly voters: readonly string[]; readonly learners: readonly string[] };
}

describe('a cluster of processes', () => {
  const dir = join(folder, 'cluster');
  let cluster: Started;

  const up = async (...args: string[]) => {
    cluster = start(['up', ...args, '--dir', dir]);
    await cluster.prints(/Ctrl-C/);
  };
  const down = async () => {
    cluster.process.kill('SIGINT');
    await cluster.ended;
  };
  const tutti = async (...args: string[]) => {
    const started = start(['cluster', ...args, '--dir', dir]);
    return { code: await started.ended, stdout: started.stdout(), stderr: started.stderr() };
  };
  const status = async () => JSON.parse((await tutti('status', '--json')).stdout) as Status;
  const voters = async () => (await status()).configuration.voters.toSorted();
  const pidOf = (node: string) => {
    const file = JSON.parse(readFileSync(join(dir, 'cluster.json'), 'utf8')) as {
      nodes: { id: string; pid: number }[];
    };
    return file.nodes.find(({ id }) => id === node)!.pid;
  };
  const patience = { timeout: 30_000, interval: 500 };

  afterAll(down);

  it('gets a voter more, and one that only listens until it is promoted', async () => {
    await up('--nodes', '3');
    expect((await tutti('add')).stdout).toMatch(/^n4 is added/);
    await expect.poll(voters, patience).toEqual(['n1', 'n2', 'n3', 'n4']);
    const added = await tutti('add', 'n10', '--learner', '--json');
    expect(JSON.parse(added.stdout)).toMatchObject({ node: 'n10', pid: expect.any(Number) });
    expect((await status()).configuration.learners).toEqual(['n10']);
    await expect.poll(async () => (await tutti('promote', 'n10')).code, patience).toBe(0);
    expect(await voters()).toEqual(['n1', 'n10', 'n2', 'n3', 'n4']);
  });

  it('starts a node that joined again when it dies', async () => {
    process.kill(pidOf('n4'), 'SIGKILL');
    await cluster.prints(/n4 restarted/);
    expect((await status()).nodes.find(({ node }) => node === 'n4')).toMatchObject({
      standing: 'voter',
      role: 'follower',
    });
  });

  it('loses its leader to `remove`, process and all, and goes on', async () => {
    const { leader } = await status();
    const pid = pidOf(leader);
    expect(await tutti('remove', leader)).toMatchObject({ code: 0, stdout: `${leader} is removed\n` });
    expect(exists(pid)).toBe(false);
    expect(await voters()).toEqual(['n1', 'n10', 'n2', 'n3', 'n4'].filter((node) => node !== leader));
    expect((await tutti('snapshot')).stdout.match(/^n\d+ +\d+$/gm)).toHaveLength(4);
    // It gave its work away and said so, and was not found to be gone.
    const ps = start(['ps', '--json', '--dir', dir]);
    await ps.ended;
    const [node] = (JSON.parse(ps.stdout()) as { nodes: { members: { nodeId: string; state: string }[] }[] })
      .nodes;
    expect(node!.members.find(({ nodeId }) => nodeId === leader)?.state).toBe('left');
  });

  it('refuses what cannot be, and says why', async () => {
    const refused = async (...args: string[]) => {
      const { code, stderr } = await tutti(...args);
      return [code, /TUTTI_\w+/.exec(stderr)?.[0]];
    };
    expect(await refused('remove', 'n77')).toEqual([2, 'TUTTI_NOT_A_MEMBER']);
    expect(await refused('promote', 'n77')).toEqual([2, 'TUTTI_NOT_A_MEMBER']);
    expect(await refused('add', 'n4')).toEqual([2, 'TUTTI_OPTION_INVALID']);
    expect(await refused('add', '../n8')).toEqual([2, 'TUTTI_OPTION_INVALID']);
  });

  it('comes back with the nodes that it had, and takes a removed one in again', async () => {
    const before = await voters();
    const [gone] = ['n1', 'n2', 'n3', 'n4', 'n10'].filter((node) => !before.includes(node));
    await down();
    await up();
    expect(await voters()).toEqual(before);
    expect((await status()).nodes.map(({ node }) => node).toSorted()).toEqual(before);
    expect((await tutti('add', gone!)).code).toBe(0);
    await expect.poll(voters, patience).toEqual(['n1', 'n10', 'n2', 'n3', 'n4']);
  });
});

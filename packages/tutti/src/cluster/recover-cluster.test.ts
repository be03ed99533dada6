import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryLock } from '@tutti/consensus/file';
import { isTuttiError, type TuttiError } from '@tutti/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUp } from '../node/back-up.ts';
import { createNode } from '../node/create-node.ts';
import { readIdentity, writeIdentity } from '../node/identity.ts';
import { type RecoverOptions, recoverCluster } from './recover-cluster.ts';
import { restoreCluster } from './restore-cluster.ts';
import { Roster } from './roster.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-recover-'));
const directory = join(folder, 'cluster');
const directoryOf = (name: string) => join(directory, name);

/** Three nodes that have never been started, and have a log. */
beforeAll(async () => {
  const node = createNode({ dataDir: join(folder, 'data'), orchestration: false });
  await node.start();
  const file = join(folder, 'backup');
  await backUp(node, file);
  await node.stop();
  await restoreCluster({ file, directory, nodes: ['n1', 'n2', 'n3'], cluster: 'tutti' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recover = (survivors: readonly string[], options: Partial<RecoverOptions> = { mayLoseData: true }) =>
  recoverCluster({ directory, survivors, ...options });

async function refusalOf(
  survivors: readonly string[],
  options?: Partial<RecoverOptions>,
): Promise<TuttiError> {
  const ended = await recover(survivors, options).catch((thrown: unknown) => thrown);
  if (!isTuttiError(ended)) throw new Error('it was not refused', { cause: ended });
  return ended;
}

const identities = () => ['n1', 'n2', 'n3'].map((name) => readIdentity(directoryOf(name)));

describe('a restore whose draft another one takes for a leftover, since both have the same process number', () => {
  it.each(['n1', 'n2', 'n3'])(
    'fails by code while it makes %s, and half of a cluster is nowhere',
    async (node) => {
      const parent = mkdtempSync(join(folder, 'twice-'));
      const target = join(parent, 'cluster');
      const nodes = ['n1', 'n2', 'n3'];
      const restore = () =>
        restoreCluster({ file: join(folder, 'backup'), directory: target, nodes, cluster: 'tutti' });
      const first = restore().catch((thrown: unknown) => thrown);
      while (!readdirSync(parent).some((draft) => existsSync(join(parent, draft, node))))
        await new Promise((turn) => setImmediate(turn));
      const { lineage } = await restore();
      expect(await first).toMatchObject({ code: 'TUTTI_FOLDER_UNWRITABLE' });
      expect(readdirSync(parent)).toEqual(['cluster']);
      expect(Roster.find(target)).toMatchObject({ current: nodes, lineage });
      expect(nodes.map((name) => readIdentity(join(target, name))?.lineage)).toEqual(
        nodes.map(() => lineage),
      );
    },
  );
});

describe('a lost quorum', () => {
  it('is only looked at until somebody says that data may be lost', async () => {
    const before = [identities(), readFileSync(join(directory, 'roster.json'), 'utf8')];
    const { code, details } = await refusalOf(['n1'], {});
    expect(code).toBe('TUTTI_RECOVERY_UNCONFIRMED');
    expect(details).toMatchObject({
      plan: { chosen: 'n1', dropped: ['n2', 'n3'], meetsMajorities: false, membership: { voters: ['n1'] } },
      logs: [{ node: 'n1' }],
      loss: expect.stringMatching(/^Whatever was acknowledged after entry \d+ of term \d+ is lost\.$/),
    });
    expect([identities(), readFileSync(join(directory, 'roster.json'), 'utf8')]).toEqual(before);
  });

  it.each([
    [['n1', 'n2'], /n1, n2 are a majority of n1, n2, n3/],
    [['n1', 'n9'], /n9 is no node of this cluster, which has n1, n2, n3/],
    [[], /no survivor is named/],
  ])('is not recovered with %j', async (survivors, problem) => {
    const { code, message } = await refusalOf(survivors);
    expect([code, message]).toEqual(['TUTTI_RECOVERY_REFUSED', expect.stringMatching(problem)]);
  });

  it('is not recovered while a process has a survivor open', async () => {
    const lock = DirectoryLock.acquire(join(directoryOf('n1'), 'log'));
    expect((await refusalOf(['n1'])).code).toBe('TUTTI_STORE_LOCKED');
    lock.release();
  });

  it('is not recovered with a log that is damaged, or with one that is gone', async () => {
    const log = join(directoryOf('n3'), 'log');
    for (const name of readdirSync(log)) if (name.endsWith('.log')) rmSync(join(log, name));
    expect((await refusalOf(['n3'])).message).toMatch(/the log of n3 is damaged/);
    rmSync(log, { recursive: true });
    expect((await refusalOf(['n3'])).message).toMatch(/there is no log of n3/);
  });

  it('is recovered with a lineage of its own, and again when that was interrupted', async () => {
    const { plan, lineage } = await recover(['n1']);
    expect(readIdentity(directoryOf('n1'))).toMatchObject({ lineage });
    expect(Roster.find(directory)).toMatchObject({ lineage, current: ['n1'] });
    expect((await refusalOf(['n2'])).message).toMatch(/n2 is no node of this cluster/);

    writeIdentity(directoryOf('n1'), { ...readIdentity(directoryOf('n1'))!, recovering: true });
    const dataDir = directoryOf('n1');
    expect(() => createNode({ dataDir })).toThrow(
      expect.objectContaining({ code: 'TUTTI_RECOVERY_UNFINISHED' }),
    );
    const again = await recover(['n1']);
    expect(again.lineage).not.toBe(lineage);
    expect(again.plan).toMatchObject({ index: plan.index + 1, term: plan.term + 1 });

    const node = createNode({ dataDir, orchestration: false });
    await node.start();
    expect(node.lineage).toBe(again.lineage);
    expect(node.group.status().membership).toMatchObject({ voters: ['n1'], isCommitted: true });
    await node.stop();
    // It has a majority now: itself.
    expect((await refusalOf(['n1'])).message).toMatch(/n1 are a majority of n1/);
  });
});

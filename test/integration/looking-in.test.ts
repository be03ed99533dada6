import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Started, start } from './command.ts';

const dir = mkdtempSync(join(tmpdir(), 'tutti-look-'));
let cluster: Started;

async function tutti(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const started = start([...args, '--dir', dir]);
  const code = await started.ended;
  return { code, stdout: started.stdout(), stderr: started.stderr() };
}

beforeAll(async () => {
  cluster = start(['up', '--nodes', '3', '--dir', dir]);
  await cluster.prints(/Ctrl-C/);
});
afterAll(async () => {
  cluster.process.kill('SIGINT');
  await cluster.ended;
  rmSync(dir, { recursive: true, force: true });
});

describe('looking into a cluster', () => {
  it('shows its nodes, one of them the leader', async () => {
    const { stdout } = await tutti('ps');
    expect(stdout.match(/^n\d +leader /gm)).toHaveLength(1);
    expect(stdout.match(/^n\d +follower /gm)).toHaveLength(2);
    expect(stdout).toContain('no sessions');
  });

  it('shows the supervision tree of each node, with the four orchestrators', async () => {
    const { stdout } = await tutti('tree');
    for (const name of ['frontend', 'backend', 'devops', 'testing'])
      expect(stdout.match(new RegExp(`─ ${name} `, 'g')), name).toHaveLength(3);
  });

  it('shows what nodes and actors do: rates, mailboxes, restarts and the lag of the event loop', async () => {
    const { stdout, code } = await tutti('top', '--json', '--every', '200ms');
    expect(code).toBe(0);
    const { nodes } = JSON.parse(stdout) as {
      nodes: {
        node: string;
        seconds: number;
        perSecond: number;
        lagMs: { max: number };
        actors: { path: string }[];
      }[];
    };
    expect(nodes.map(({ node }) => node).sort()).toEqual(['n1', 'n2', 'n3']);
    for (const node of nodes) {
      expect(node.seconds).toBeGreaterThan(0);
      expect(node.perSecond).toBeGreaterThanOrEqual(0);
      expect(node.lagMs.max).toBeGreaterThanOrEqual(0);
      expect(node.actors.length).toBeGreaterThan(0);
    }
    expect((await tutti('top', '--every', '50ms')).stdout).toMatch(/^NODE +ACTORS +MSG\/S/m);
  });

  it('keeps and shows messages once it is told to, as text, document and diagram', async () => {
    expect((await tutti('msgs')).stdout).toContain('nothing is recorded');
    expect((await tutti('msgs', '--record', '50')).stdout).toMatch(/n1 keeps the last 50 messages/);
    const run = await tutti('msgs', '--json');
    const { nodes } = JSON.parse(run.stdout) as { nodes: { perActor: number }[] };
    expect(nodes.map(({ perActor }) => perActor)).toEqual([50, 50, 50]);
    expect((await tutti('msgs', '--corr', 'nobody', '--mermaid')).stdout).toBe('sequenceDiagram\n');
    expect((await tutti('msgs', '--record', '0')).stdout).toContain('n2 keeps nothing');
  });

  it('traces an actor, and says that there is none of that name', async () => {
    const { stdout, code } = await tutti('trace', 'frontend', '--json', '--for', '300ms');
    expect(code).toBe(0);
    const { actors } = JSON.parse(stdout) as { actors: { node: string; path: string }[] };
    expect(actors.map(({ node }) => node).sort()).toEqual(['n1', 'n2', 'n3']);
    for (const { path } of actors) expect(path).toMatch(/(^|\/)frontend$/);
    // What `tree` and `top` print names an actor here. The master is an entity, known to others by that name.
    const { stdout: tree } = await tutti('tree');
    expect(tree).toMatch(/─ backend /);
    const [, address, name] = /─ (entity:(master\/\S+)) /.exec(tree)!;
    const names = [
      ['n1/orchestration/backend', 'n1/orchestration/backend'],
      [name, `${address} on n\\d`],
    ] as const;
    for (const [given, shown] of names) {
      const traced = await tutti('trace', given!, '--for', '300ms');
      expect(traced.stdout, traced.stderr).toMatch(new RegExp(`^${shown}  \\(`));
    }
    const misspelt = await tutti('trace', 'orchestration/backnd', '--for', '1s');
    expect(misspelt.stderr).toContain(
      'There is no actor at orchestration/backnd; did you mean "orchestration/backend"?',
    );
    const unknown = await tutti('trace', 'nobody', '--for', '1s');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('TUTTI_ACTOR_UNKNOWN');
  });

  it('says what is wrong when asked about a session that is not there', async () => {
    const { code, stderr } = await tutti('explain', 'nothing', 'task');
    expect(code).toBe(2);
    expect(stderr).toContain('TUTTI_SESSION_UNKNOWN');
    expect(stderr).toContain('way out:');
  });

  it('refuses a second cluster in its place, and is not disturbed', async () => {
    const before = JSON.parse((await tutti('ps', '--json')).stdout) as { nodes: { incarnation: number }[] };
    const { code, stderr } = await tutti('up');
    expect(code).toBe(2);
    expect(stderr).toContain('TUTTI_STORE_LOCKED');
    const after = JSON.parse((await tutti('ps', '--json')).stdout) as { nodes: { node: string }[] };
    expect(after.nodes).toHaveLength(3);
    expect(before.nodes.map((node) => node.incarnation)).toEqual([1, 1, 1]);
    const lives = ['n1', 'n2', 'n3'].map(
      (node) => JSON.parse(readFileSync(join(dir, node, 'identity.json'), 'utf8')) as { incarnation: number },
    );
    expect(lives.map((life) => life.incarnation)).toEqual([1, 1, 1]);
  });

  it('refuses a second cluster in the folder of one of its nodes', async () => {
    for (const inside of [join(dir, 'n1'), join(dir, 'n2', 'deeper'), join(dir, 'n7')]) {
      const second = start(['up', '--dir', inside]);
      expect(await second.ended).toBe(2);
      expect(second.stderr()).toContain(`TUTTI_FOLDER_OF_NODE  A cluster cannot be kept in ${inside}`);
      expect(second.stdout()).toBe('');
    }
    expect(existsSync(join(dir, 'n2', 'deeper'))).toBe(false);
  });

  it('starts a node again that was killed, and the log goes on', async () => {
    const { stdout } = await tutti('ps', '--json');
    const { nodes } = JSON.parse(stdout) as {
      nodes: { node: string; pid: number; consensus: { role: string } }[];
    };
    const leader = nodes.find((node) => node.consensus.role === 'leader')!;
    const again = cluster.prints(new RegExp(`^${leader.node} restarted`, 'm'));
    process.kill(leader.pid, 'SIGKILL');
    await again;
    const after = JSON.parse((await tutti('ps', '--json')).stdout) as {
      nodes: { node: string; incarnation: number }[];
    };
    expect(after.nodes).toHaveLength(3);
    expect(after.nodes.find((node) => node.node === leader.node)?.incarnation).toBe(2);
  });
});

describe('looking into a run', () => {
  it('explains what runs, what waits and for what', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-gate-'));
    const plan = join(folder, 'gate.yaml');
    // The first task waits until somebody opens the gate; nothing sleeps.
    writeFileSync(
      plan,
      'name: Gate\ntasks:\n  hold: { title: Open the gate, run: mkfifo gate && cat gate }\n  next: { run: echo on, needs: hold }\n',
    );
    const run = start(['run', plan, '--out', folder]);
    const [, session, at] = await run.prints(/ps (\S+) --dir (\S+) /);
    const explain = async (task: string): Promise<string> => {
      const asked = start(['explain', session!, task, '--dir', at!]);
      await asked.ended;
      return asked.stdout();
    };
    await expect.poll(() => explain('hold'), { timeout: 30_000 }).toContain('hold is running');
    const byTitle = start(['explain', session!, 'open the GATE', '--dir', at!]);
    expect(await byTitle.ended).toBe(2);
    expect(byTitle.stderr()).toContain('has no task "open the GATE"; did you mean "hold"?');
    expect(await explain('next')).toMatch(/next is waiting\n {2}dependency: .*hold/);
    await expect.poll(() => existsSync(join(folder, session!, 'gate')), { timeout: 30_000 }).toBe(true);
    writeFileSync(join(folder, session!, 'gate'), 'open\n');
    expect(await run.ended).toBe(0);
    rmSync(folder, { recursive: true, force: true });
  });
});

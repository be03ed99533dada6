import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { generateKeyPair } from '@tutti/transport';

const dir = mkdtempSync('/tmp/kill-');
const names = ['n1', 'n2', 'n3'];
const free = () =>
  new Promise<number>((ok) => {
    const s = createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address() as { port: number };
      s.close(() => ok(port));
    });
  });
const ports = [await free(), await free(), await free()];
const keys = names.map(() => generateKeyPair());
const procs = new Map<string, ChildProcess>();
const calls = new Map<number, { ok: (v: never) => void; no: (e: Error) => void }>();
let id = 0;
const boot = (i: number) =>
  new Promise<void>((ok) => {
    const p = fork(new URL('node.ts', import.meta.url).pathname, [
      JSON.stringify({ name: names[i], dir: join(dir, names[i]!), port: ports[i], names, ports, keys }),
    ]);
    procs.set(names[i]!, p);
    p.on('message', (m: { t: string; id: number; v: never; e: string }) => {
      if (m.t === 'up') return ok();
      const c = calls.get(m.id);
      calls.delete(m.id);
      if (m.t === 'ok') c?.ok(m.v);
      else c?.no(new Error(m.e));
    });
  });
const call = <T>(name: string, t: string, key = ''): Promise<T> =>
  new Promise((ok, no) => {
    const n = ++id;
    calls.set(n, { ok, no });
    procs.get(name)!.send({ t, id: n, key }, (e) => e && no(e));
  });
const pause = (ms: number) => new Promise((r) => setTimeout(r, ms));
await Promise.all(names.map((_, i) => boot(i)));
await pause(1500);
const owners = new Map<string, number>();
const gaps: number[] = [];
let acked = 0;
let lost = 0;
let leaders = 0;
for (let round = 0; round < 10; round++) {
  const key = `k${round}`;
  let last = await call<number>('n1', 'ask', key);
  for (let i = 0; i < 5; i++) last = await call<number>('n2', 'ask', key);
  const states = await Promise.all(
    names.map(
      async (n) =>
        [n, await call<{ entities: Record<string, number>; leader: string }>(n, 'status')] as const,
    ),
  );
  // who owns it: the one whose count grew is not told, so ask the owner by killing the holder of the key: try each
  const before = new Map(owners);
  const holder = states.find(([n, s]) => (s.entities['counter'] ?? 0) > (before.get(n) ?? 0))?.[0] ?? 'n1';
  const isLeader = states[0]![1].leader === holder;
  if (isLeader) leaders++;
  const asker = names.find((n) => n !== holder)!;
  const t0 = performance.now();
  procs.get(holder)!.kill('SIGKILL');
  let v: number | undefined;
  let tries = 0;
  while (v === undefined) {
    tries++;
    try {
      v = await call<number>(asker, 'ask', key);
    } catch (e) {
      if (tries > 10) throw e;
    }
  }
  const gap = performance.now() - t0;
  gaps.push(gap);
  acked += last;
  if (v < last + 1) lost++;
  console.log(
    `kill ${round + 1}: ${holder}${isLeader ? ' (leader)' : ''}, ${gap.toFixed(0)} ms, tries ${tries}, total ${last} -> ${v}`,
  );
  await boot(names.indexOf(holder));
  await pause(1500);
  owners.clear();
  for (const n of names)
    owners.set(n, (await call<{ entities: Record<string, number> }>(n, 'status')).entities['counter'] ?? 0);
}
gaps.sort((a, b) => a - b);
console.log(JSON.stringify({ min: gaps[0], median: gaps[5], max: gaps[9], lost, leaders }));
for (const p of procs.values()) p.kill('SIGKILL');
rmSync(dir, { recursive: true });
process.exit(0);

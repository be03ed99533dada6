import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { benchDisk } from '../../harness/bench-disk.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { closedLoop, sleep } from '../../harness/load.ts';
import { freePort } from '../erlang/distribution.ts';
import { measureLevels } from './levels.ts';

const NAMES = ['a', 'b', 'c'];
const START_MS = 20_000;

/** Puts of 256 bytes to a three-member etcd, under one key per client, at several numbers of clients. */
export function etcdCommits(levels: readonly number[]) {
  return (sizes: Sizes): Promise<Measurement> => measure(levels, sizes);
}

async function measure(levels: readonly number[], sizes: Sizes): Promise<Measurement> {
  const folder = mkdtempSync(join(benchDisk(), 'tutti-bench-etcd-'));
  const members: ChildProcess[] = [];
  try {
    const client = await leaderAmong(await startMembers(folder, members));
    const value = Buffer.alloc(256, 7);
    let acknowledged = 0;
    const { figures, histograms, curves } = await measureLevels(levels, sizes, {
      async load(load) {
        let next = 0;
        const put = async (done: (failure?: Error) => void) => {
          try {
            await client.put(`key-${next++ % load.clients}`).value(value);
            acknowledged++;
            done();
          } catch (thrown) {
            done(thrown instanceof Error ? thrown : new Error(String(thrown)));
          }
        };
        const { perS, latencies } = await closedLoop(load, (done) => void put(done));
        return { perS, latencies: latencies.pack() };
      },
      collect: async () => globalThis.gc?.(),
      pids: [...members.map(({ pid }) => pid!), process.pid],
      clientPid: process.pid,
    });
    const versions = await versionsOf(client);
    client.close();
    if (versions < acknowledged)
      throw new Error(`${acknowledged} were acknowledged, the keys have ${versions} versions`);
    return { figures, histograms, curves, verified: `${acknowledged} puts, ${versions} versions` };
  } finally {
    for (const member of members) member.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A client of the member that leads, so that no put is forwarded. */
async function leaderAmong(hosts: readonly string[]): Promise<Etcd3> {
  const anybody = new Etcd3({ hosts: [...hosts] });
  await ready(anybody);
  anybody.close();
  for (;;) {
    for (const host of hosts) {
      const client = new Etcd3({ hosts: host });
      await ready(client);
      const { leader, header } = await client.maintenance.status();
      if (leader === header.member_id) return client;
      client.close();
    }
  }
}

/** How often the keys were put since they were made, by etcd's own count. */
async function versionsOf(client: Etcd3): Promise<number> {
  const { kvs } = await client.getAll().prefix('key-').exec();
  return kvs.reduce((sum, { version }) => sum + Number(version), 0);
}

async function startMembers(folder: string, members: ChildProcess[]): Promise<string[]> {
  const ports = await Promise.all(NAMES.flatMap(() => [freePort(), freePort()]));
  const peers = NAMES.map((name, i) => `${name}=http://127.0.0.1:${ports[2 * i]}`).join(',');
  return NAMES.map((name, i) => {
    const [peer, client] = [`http://127.0.0.1:${ports[2 * i]}`, `http://127.0.0.1:${ports[2 * i + 1]}`];
    const flags = {
      name,
      'data-dir': join(folder, name),
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'initial-cluster': peers,
      'initial-cluster-state': 'new',
      'initial-cluster-token': `bench-${process.pid}`,
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    members.push(spawn('etcd', args, { stdio: 'ignore' }));
    return client;
  });
}

async function ready(client: Etcd3): Promise<void> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    try {
      await client.put('ready').value('yes');
      return;
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      await sleep(100);
    }
  }
}

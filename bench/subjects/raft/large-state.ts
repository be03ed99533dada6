import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ConsensusStatus, ReplicaConfig } from '@tutti/consensus';
import type { PeerAddress } from '@tutti/kernel';
import type { KeyPair } from '@tutti/transport';
import { benchDisk } from '../../harness/bench-disk.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import { sleep } from '../../harness/load.ts';
import type { VoterConfig } from './voter.ts';

const MODULE = new URL('./large-state-process.ts', import.meta.url);
const NAMES = ['a', 'b', 'c'];
const POLL_MS = 20;
const MB = 1e6;

export interface LargeStateConfig extends VoterConfig {
  readonly entries: number;
  readonly valueBytes: number;
}

export interface LargeStateReport {
  /** The longest that a timer of one millisecond was late, that millisecond included. */
  readonly stallMs: number;
  /** The longest collection of garbage, as V8 tells it. */
  readonly collectionMs: number;
  /** The longest stretch of work, in processor time of the thread. */
  readonly workMs: number;
  readonly p99Ms: number;
  /** The most that the process ever had. */
  readonly rssBytes: number;
  readonly appliedIndex: number;
  readonly snapshotsTaken: number;
  readonly snapshotsSent: number;
  readonly written: number;
}

interface Node {
  readonly process: FleetProcess;
  readonly address: PeerAddress;
}

/**
 * Two voters begin with the same large state; under steady writes they take a snapshot of it. Then the third joins,
 * which has nothing, and needs the snapshot because the log before it is gone. The loops of the leader and of the third
 * are watched from before the first snapshot to the last entry.
 */
export async function largeState(sizes: Sizes, config: ReplicaConfig = {}): Promise<Measurement> {
  const folder = mkdtempSync(join(benchDisk(), 'tutti-bench-snapshot-'));
  const nodes: Node[] = [];
  const launch = async (name: string, entries: number): Promise<Node> => {
    const process = new FleetProcess(MODULE, ['--max-old-space-size=12288', '--expose-gc']);
    const keys = await process.call<KeyPair>('keys');
    const own: LargeStateConfig = {
      name,
      voters: NAMES,
      directory: join(folder, name),
      life: 1,
      port: 0,
      keys,
      config: { snapshotEntries: 200, trailingEntries: 0, timeoutMs: 60_000, ...config },
      entries,
      valueBytes: sizes['valueBytes']!,
    };
    const node = { process, address: await process.call<PeerAddress>('open', own) };
    nodes.push(node);
    return node;
  };
  const start = (node: Node): Promise<void> => {
    const peers = nodes.filter((other) => other !== node).map(({ address }) => address);
    return node.process.call('start', peers);
  };
  try {
    const filled = await Promise.all(['a', 'b'].map((name) => launch(name, sizes['entries']!)));
    await Promise.all(filled.map(start));
    const leader = await leading(filled);
    await leader.process.call('watch');
    const begun = performance.now();
    await leader.process.call('write', { everyMs: sizes['everyMs']!, keys: sizes['entries']! });
    await untilLeading(leader, ({ snapshotsTaken }) => snapshotsTaken > 0);
    const taken = performance.now();
    const receiver = await launch('c', 0);
    await receiver.process.call('watch');
    await Promise.all(filled.map((node) => node.process.call('meet', receiver.address)));
    await start(receiver);
    await untilLeading(leader, ({ snapshotsSent }) => snapshotsSent > 0);
    const sent = performance.now();
    const { appliedIndex } = await reportOf(leader);
    await until(receiver, (found) => found.appliedIndex >= appliedIndex);
    const [atLeader, atReceiver] = [await reportOf(leader), await reportOf(receiver)];
    const verified = await verify([leader, receiver], sizes['entries']!);
    const figures = {
      'leader-stall': atLeader.stallMs,
      'receiver-stall': atReceiver.stallMs,
      'leader-work': atLeader.workMs,
      'receiver-work': atReceiver.workMs,
      'leader-collection': atLeader.collectionMs,
      'receiver-collection': atReceiver.collectionMs,
      'leader-p99': atLeader.p99Ms,
      'receiver-p99': atReceiver.p99Ms,
      taken: taken - begun,
      sent: sent - taken,
      'receiver-memory': atReceiver.rssBytes / MB,
    };
    return { figures, verified: `${verified}; ${atLeader.written} commands meanwhile` };
  } finally {
    await Promise.all(nodes.map(({ process }) => process.kill()));
    rmSync(folder, { recursive: true, force: true });
  }
}

const reportOf = (node: Node): Promise<LargeStateReport> => node.process.call('report');

async function until(
  node: Node,
  isSo: (report: LargeStateReport) => boolean,
  check = async (): Promise<void> => {},
): Promise<void> {
  while (!isSo(await reportOf(node))) {
    await check();
    await sleep(POLL_MS);
  }
}

/** Whoever leads no more sends no snapshot either: then there is nothing to wait for. */
async function untilLeading(node: Node, isSo: (report: LargeStateReport) => boolean): Promise<void> {
  await until(node, isSo, async () => {
    const { role } = await node.process.call<ConsensusStatus>('status');
    if (role !== 'leader')
      throw new Error(
        'leadership has moved, as it does where a disk lets a write wait for an election timeout',
      );
  });
}

async function leading(nodes: readonly Node[]): Promise<Node> {
  for (;;) {
    for (const node of nodes) {
      const { role, commitIndex } = await node.process.call<ConsensusStatus>('status');
      if (role === 'leader' && commitIndex > 0) return node;
    }
    await sleep(POLL_MS);
  }
}

/** Both states must have every key, and equal values. */
async function verify(nodes: readonly Node[], entries: number): Promise<string> {
  const sums: { keys: number; sum: number }[] = [];
  for (const { process } of nodes) sums.push(await process.call<{ keys: number; sum: number }>('sum'));
  const [leader, receiver] = sums;
  if (leader!.keys !== entries || receiver!.keys !== entries || leader!.sum !== receiver!.sum)
    throw new Error(`the states differ: ${JSON.stringify(sums)}`);
  return `${entries} keys with equal values at leader and receiver`;
}

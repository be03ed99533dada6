import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ConsensusStatus, ReplicaConfig, Stage, StageTimes } from '@tutti/consensus';
import type { PeerAddress } from '@tutti/kernel';
import type { KeyPair } from '@tutti/transport';
import { benchDisk } from '../../harness/bench-disk.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import type { PackedHistogram } from '../../harness/histogram.ts';
import { sleep } from '../../harness/load.ts';
import type { RaftAblation } from './ablations.ts';
import type { Ledger, LoadRequest, OfferRequest, VoterAnswer, VoterConfig } from './voter.ts';

const MODULE = new URL('./replica-process.ts', import.meta.url);
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const VOTERS_DEFAULT = 3;
const POLL_MS = 5;
/** Long for a majority, and short for an election. */
const CONFIRMED_MS = 200;

interface Voter {
  process: FleetProcess;
  config: VoterConfig;
  address: PeerAddress;
}

/** How a cluster differs from the usual three. */
export interface RaftClusterOptions {
  readonly voters?: number;
  readonly ablation?: RaftAblation | undefined;
}

/** Voters in processes of their own, three if not said otherwise, with logs in a temporary folder. */
export class RaftCluster {
  readonly #folder: string;
  readonly #voters: Voter[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(
    config: ReplicaConfig,
    { voters = VOTERS_DEFAULT, ablation }: RaftClusterOptions = {},
  ): Promise<RaftCluster> {
    const cluster = new RaftCluster(mkdtempSync(join(benchDisk(), 'tutti-bench-raft-')));
    const names = NAMES.slice(0, voters);
    const common = { voters: names, config, ablation };
    await Promise.all(names.map((name) => cluster.#launch(name, common)));
    await Promise.all(cluster.#voters.map((voter) => cluster.#join(voter)));
    return cluster;
  }

  async #launch(name: string, common: Pick<VoterConfig, 'voters' | 'config' | 'ablation'>): Promise<void> {
    const process = startVoterProcess();
    const keys = await process.call<KeyPair>('keys');
    const directory = join(this.#folder, name);
    const own: VoterConfig = { ...common, name, directory, life: 1, port: 0, keys };
    const address = await process.call<PeerAddress>('open', own);
    this.#voters.push({ process, config: own, address });
  }

  #join(voter: Voter): Promise<void> {
    const peers = this.#voters.filter((other) => other !== voter).map(({ address }) => address);
    return voter.process.call('start', peers);
  }

  /** The voter that leads by its own word, once there is one. */
  async leader(): Promise<Voter> {
    for (;;) {
      for (const voter of this.#voters) {
        const status = await voter.process.call<ConsensusStatus>('status');
        if (status.role === 'leader' && status.commitIndex > 0) return voter;
      }
      await sleep(POLL_MS);
    }
  }

  /** @param isForwarded The clients are in the process of one that follows, which forwards each command to the leader. */
  async load(request: LoadRequest, isForwarded = false): Promise<VoterAnswer> {
    const leader = await this.leader();
    const { process } = isForwarded ? this.#voters.find((voter) => voter !== leader)! : leader;
    return await process.call<VoterAnswer>('load', request);
  }

  /** Latencies of commands that come to the leader's process at a fixed rate, in milliseconds. */
  async offer(request: OfferRequest): Promise<PackedHistogram> {
    return await (await this.leader()).process.call<PackedHistogram>('offer', request);
  }

  /** Has every voter collect its garbage. */
  async collect(): Promise<void> {
    await Promise.all(this.#voters.map(({ process }) => process.collect()));
  }

  /**
   * The last thing that is done to a cluster: the leader's followers are stopped where they are.
   * @throws Error unless a read is confirmed before and none is afterwards: one that was had asked no majority
   */
  async mustAskMajority(): Promise<void> {
    const leader = await this.leader();
    const isConfirmed = () => leader.process.call<boolean>('isReadConfirmed', CONFIRMED_MS);
    if (!(await isConfirmed())) throw new Error(`a read was not confirmed within ${CONFIRMED_MS} ms`);
    for (const voter of this.#voters) if (voter !== leader) voter.process.pause();
    if (await isConfirmed()) throw new Error('a read was answered by a leader that no other voter hears');
  }

  /** How long commands took in each stage, as the leader saw it. */
  async stages(): Promise<Readonly<Record<Stage, StageTimes>>> {
    const leader = await this.leader();
    return await leader.process.call('stages');
  }

  get pids(): readonly number[] {
    return this.#voters.map(({ process }) => process.pid);
  }

  /** Takes the leader away, and measures how long until a command that was proposed afterwards is committed. */
  async killLeader(now: () => number): Promise<number> {
    await this.#whole();
    const leader = await this.leader();
    const others = this.#voters.filter((voter) => voter !== leader);
    const killed = leader.process.kill();
    const at = now();
    const next = await Promise.race(others.map(({ process }) => process.call<number>('nextCommit', at)));
    await killed;
    leader.process = startVoterProcess();
    const port = Number(new URL(leader.address.url).port);
    leader.config = { ...leader.config, life: leader.config.life + 1, port };
    await leader.process.call('open', leader.config);
    await this.#join(leader);
    return next - at;
  }

  /** Waits until every voter sees all others: one that was restarted has to be dialled by those who had given up. */
  async #whole(): Promise<void> {
    for (;;) {
      const linked = await Promise.all(this.#voters.map(({ process }) => process.call<number>('linked')));
      if (linked.every((peers) => peers === this.#voters.length - 1)) return;
      await sleep(POLL_MS);
    }
  }

  /** What each voter's state shows; they must all agree. */
  async ledgers(): Promise<Ledger[]> {
    return await Promise.all(this.#voters.map(({ process }) => process.call<Ledger>('ledger')));
  }

  /** Ends the processes and removes their logs. */
  async end(): Promise<void> {
    await Promise.all(this.#voters.map(({ process }) => process.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function startVoterProcess(): FleetProcess {
  return new FleetProcess(MODULE, ['--expose-gc']);
}

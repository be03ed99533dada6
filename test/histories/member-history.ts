import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkLinearizable,
  describeVerdict,
  HistoryRecorder,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from '@tutti/consensus/linearizability';
import { isTuttiError, type PeerAddress, type Random, seededRandom } from '@tutti/kernel';
import { FleetProcess } from '../../bench/harness/fleet.ts';
import { AdminClient } from '../../packages/tutti/src/admin/admin-client.ts';
import { contactOf } from '../../packages/tutti/src/node/group-peers.ts';
import { Clients, type Served } from './clients.ts';
import { after } from './five-nodes.ts';
import { finalStates, stateProblems } from './history-run.ts';
import type { MemberConfig } from './member-node.ts';
import type { Answer, Request } from './operating.ts';
import type { RegisterRecord } from './register-module.ts';

const MODULE = new URL('./member-node.ts', import.meta.url);
const TOKEN = 'histories';
const FOUNDERS = ['n1', 'n2', 'n3'];
const CLIENTS = 6;
const KEYS = 4;
const ANSWERED_BETWEEN = 60;
const PATIENCE_MS = 30_000;
/** Between two kills, and how long a killed node is away. */
const GAP_MS = { min: 500, max: 1_500 };
const AWAY_MS = { min: 100, max: 800 };

interface Member {
  process: FleetProcess;
  config: MemberConfig;
  address: PeerAddress;
  adminUrl: string;
  isUp: boolean;
}

/** Nodes in processes of their own, of which more come and some go. */
class Members implements Served {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tutti-members-'));
  readonly #members = new Map<string, Member>();
  readonly admin = new AdminClient(() => this.up().map((name) => this.#member(name).adminUrl), TOKEN, {
    patienceMs: PATIENCE_MS,
  });

  async found(): Promise<void> {
    await Promise.all(FOUNDERS.map((name) => this.#open(name, FOUNDERS)));
    await Promise.all(FOUNDERS.map((name) => this.#join(name)));
  }

  async #open(name: string, voters: readonly string[]): Promise<void> {
    const config = { name, directory: join(this.#folder, name), port: 0, voters, token: TOKEN };
    const process = new FleetProcess(MODULE);
    const address = await process.call<PeerAddress>('open', config);
    const port = Number(new URL(address.url).port);
    this.#members.set(name, { process, config: { ...config, port }, address, adminUrl: '', isUp: false });
  }

  async #join(name: string): Promise<void> {
    const member = this.#member(name);
    const others = [...this.#members].filter(([other]) => other !== name).map(([, { address }]) => address);
    member.adminUrl = await member.process.call<string>('start', others);
    member.isUp = true;
  }

  #member(name: string): Member {
    return this.#members.get(name)!;
  }

  up(): string[] {
    return this.names().filter((name) => this.#member(name).isUp);
  }

  names(): string[] {
    return [...this.#members.keys()];
  }

  operate(name: string, request: Request): Promise<Answer> {
    return this.#member(name).process.call<Answer>('operate', request);
  }

  records(name: string): Promise<RegisterRecord[]> {
    return this.#member(name).process.call<RegisterRecord[]>('records');
  }

  async add(name: string, promote: boolean): Promise<void> {
    await this.#open(name, []);
    await this.#join(name);
    await this.admin.addMember({ node: name, contact: contactOf(this.#member(name).address), promote });
  }

  /** Its process ends when the group has agreed, and its folder is nobody's any more. */
  async remove(name: string): Promise<void> {
    await this.admin.removeMember(name);
    const { process } = this.#member(name);
    this.#members.delete(name);
    await process.kill();
  }

  /** Ends a node's process with SIGKILL; the same node comes back where it was. */
  async killFor(name: string, awayMs: number): Promise<void> {
    const member = this.#member(name);
    member.isUp = false;
    await member.process.kill();
    await after(awayMs);
    try {
      if (this.#members.get(name) === member) await this.#again(member);
    } catch (thrown) {
      // It was removed meanwhile.
      if (this.#members.get(name) === member) throw thrown;
    }
  }

  async #again(member: Member): Promise<void> {
    member.process = new FleetProcess(MODULE);
    await member.process.call<PeerAddress>('open', member.config);
    await this.#join(member.config.name);
  }

  async end(): Promise<void> {
    const all = [...this.#members.values()];
    this.#members.clear();
    await Promise.all(all.map(({ process }) => process.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface MemberHistoryReport {
  readonly acknowledgedWrites: number;
  readonly kills: number;
  /** Who voted when it was over, by the word of the group. */
  readonly voters: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Nodes are added, promoted and removed by the admin interface of whoever answers, while clients work and one process
 * after the other is killed. What the clients saw, and the state in the end, are judged.
 */
export async function runMemberHistory(seed: number): Promise<MemberHistoryReport> {
  const random = seededRandom(seed);
  const members = new Members();
  const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
  const clients = new Clients(members, recorder, KEYS);
  try {
    await members.found();
    const working = Array.from({ length: CLIENTS }, (_, index) =>
      clients.run(`c${index + 1}`, random.fork(`client ${index}`)),
    );
    const killer = new Killer(members, random.fork('kills'));
    const killing = killer.run();
    await change(members, clients);
    killer.stop();
    await killing;
    const hasRecovered = await clients.answered(ANSWERED_BETWEEN, PATIENCE_MS);
    clients.stop();
    await Promise.all(working);
    const { consensus } = await members.admin.status();
    const states = await finalStates(members.names(), (name) => members.records(name));
    const history = recorder.operations();
    const verdict = checkLinearizable(history, registerModel);
    const written = ({ input, ending }: (typeof history)[number]): boolean =>
      input.op === 'write' && ending.kind === 'returned';
    return {
      acknowledgedWrites: history.filter(written).length,
      kills: killer.kills,
      voters: consensus.membership.voters.toSorted(),
      problems: [
        ...(hasRecovered ? [] : ['nobody was answered any more']),
        ...(verdict.verdict === 'linearizable' ? [] : [describeVerdict(verdict, registerModel)]),
        ...stateProblems(states, history),
      ],
    };
  } finally {
    await members.end();
  }
}

/** Half of the group is replaced. Between two changes clients are answered. */
async function change(members: Members, clients: Clients): Promise<void> {
  const steps: readonly (() => Promise<unknown>)[] = [
    () => members.add('n4', false),
    () => untilCaughtUp(() => members.admin.promoteMember('n4')),
    () => members.remove('n1'),
    () => members.add('n5', true),
    () => members.add('n6', false),
    () => members.remove('n6'),
    () => members.remove('n2'),
  ];
  for (const step of steps) {
    await clients.answered(ANSWERED_BETWEEN, PATIENCE_MS);
    await step();
  }
}

async function untilCaughtUp(promote: () => Promise<unknown>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await promote();
      return;
    } catch (thrown) {
      if (!isTuttiError(thrown, 'TUTTI_MEMBER_BEHIND') || performance.now() > giveUpAt) throw thrown;
      await after(50);
    }
  }
}

/** Kills one process at a time. */
class Killer {
  readonly #members: Members;
  readonly #random: Random;
  #stopped = false;
  kills = 0;

  constructor(members: Members, random: Random) {
    this.#members = members;
    this.#random = random;
  }

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const awayMs = this.#random.integer(AWAY_MS.min, AWAY_MS.max);
      await this.#members.killFor(this.#random.pick(this.#members.up()), awayMs);
      this.kills++;
      await after(this.#random.integer(GAP_MS.min, GAP_MS.max));
    }
  }
}

import {
  AssertionError,
  type LogIndex,
  type NodeId,
  nodeId,
  type Random,
  seededRandom,
  VirtualClock,
} from '@tutti/kernel';
import type { ConsensusStatus } from '../consensus.ts';
import type { Checker } from './checkers/checker.ts';
import { CHECKERS } from './checkers/checkers.ts';
import { ClientHistory } from './checkers/client-history.ts';
import { RegisterHistory } from './checkers/register-history.ts';
import { drawOptions } from './draw-options.ts';
import { FaultPlan } from './faults/fault-plan.ts';
import { Marks, markOf } from './marks.ts';
import { SimNetwork } from './sim-network.ts';
import { COUNTED, SimNode } from './sim-node.ts';
import type { SimOptions } from './sim-options.ts';
import { Trace } from './trace.ts';
import { type Violation, Violations } from './violations.ts';
import { Workload } from './workload/workload.ts';

/** What one run came to. */
export interface SimReport {
  readonly seed: number;
  /** Events that happened: timers, deliveries, completions. */
  readonly steps: number;
  readonly violation: Violation | undefined;
  /** Equal for two runs exactly if they were the same. */
  readonly traceHash: string;
  /** The last lines of the trace, if they were asked for. */
  readonly trace: readonly string[];
  readonly options: SimOptions;
  /** How often what happened, in words: each trouble that struck, each rare thing that was reached. */
  readonly marks: Readonly<Record<string, number>>;
  /** What the run exercised, to see that the faults bite. */
  readonly exercised: {
    readonly delivered: number;
    readonly acknowledged: number;
    readonly reads: number;
    readonly terms: number;
    readonly snapshotsInstalled: number;
    readonly committed: number;
    /** Calls of registers, whose history was judged. */
    readonly registerCalls: number;
  };
}

/** How to run a seed. */
export interface SimRun {
  readonly seed: number;
  /** Replaces parts of what the seed draws. */
  readonly options?: Partial<SimOptions>;
  /** Lines of trace to keep; default 0. */
  readonly traceLinesMax?: number;
}

const PAUSE_BEFORE_RETRY_MS = 100;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/**
 * A whole cluster in one process: real replicas on virtual time, with a network and disks that fail as drawn from
 * the seed. While there is trouble nothing wrong may happen; once it ends, everything must become right.
 */
export function simulate(run: SimRun): SimReport {
  return new Simulation(run).run();
}

class Simulation {
  readonly #run: SimRun;
  readonly #options: SimOptions;
  readonly #clock = new VirtualClock();
  readonly #trace: Trace;
  readonly #marks = new Marks();
  readonly #violations = new Violations(() => this.#clock.now());
  readonly #history = new ClientHistory(this.#violations);
  readonly #registers = new RegisterHistory(this.#violations);
  readonly #network: SimNetwork;
  readonly #nodes: readonly SimNode[];
  readonly #workload: Workload;
  readonly #faults: FaultPlan;
  /** The term in which each node was last seen to lead. */
  readonly #led = new Map<NodeId, number>();
  readonly #checkers: readonly Checker[];
  readonly #following: readonly Checker[];
  /** Nodes that the present event touched. */
  readonly #touched = new Set<SimNode>();
  /** What is known to be committed, wherever. */
  #committed = 0;
  #steps = 0;

  constructor(run: SimRun) {
    this.#run = run;
    const random = { fork: (part: string) => seededRandom(run.seed).fork(part) };
    this.#options = { ...drawOptions(run.seed), ...run.options };
    this.#trace = new Trace(run.traceLinesMax);
    this.#network = new SimNetwork(this.#clock, random.fork('network'), this.#options.network, this.#trace);
    this.#network.onStruck = (what) => this.#marks.count(what);
    this.#nodes = this.#makeNodes(random.fork('nodes'));
    const byId = new Map(this.#nodes.map((node) => [node.id, node]));
    const durable = (id: NodeId) => byId.get(id)!.disk.durable;
    this.#checkers = CHECKERS.map((make) => make({ violations: this.#violations, durable }));
    this.#following = this.#checkers.filter((checker) => 'observed' in checker);
    const shared = { clock: this.#clock, nodes: this.#nodes, trace: this.#trace, marks: this.#marks };
    this.#workload = new Workload({
      ...shared,
      random: random.fork('workload'),
      options: this.#options,
      history: this.#history,
      registers: this.#registers,
    });
    this.#faults = new FaultPlan({
      ...shared,
      random: random.fork('faults'),
      network: this.#network,
      options: this.#options,
      crashed: (node) => this.#workload.crashed(node),
    });
  }

  #makeNodes(random: Random): SimNode[] {
    const { voters, learners, spares } = this.#options;
    const names = NAMES.slice(0, voters + learners + spares).map(nodeId);
    const founders = names.slice(0, voters + learners);
    return names.map(
      (id) =>
        new SimNode({
          id,
          voters: founders.includes(id) ? names.slice(0, voters) : [],
          learners: founders.includes(id) ? founders.slice(voters) : [],
          world: this.#clock,
          random: random.fork(id),
          network: this.#network,
          options: this.#options,
          disk: {
            broken: (problem) => this.#violations.add('a disk keeps its word', `${id}: ${problem}`),
            struck: (what) => this.#marks.count(what),
            hardState: (before, after) => this.#tell((checker) => checker.hardState?.(id, before, after)),
            entry: (entry, previousTerm) =>
              this.#tell((checker) => checker.written?.(id, entry, previousTerm)),
          },
          listener: {
            serving: (node) => this.#tell((checker) => checker.born?.(node.id)),
            touched: (node) => this.#touched.add(node),
            applied: (node, index, what) => this.#applied(node, index, what),
            failed: (node, failure) => this.#failed(node, failure),
          },
        }),
    );
  }

  #tell(tell: (checker: Checker) => void): void {
    for (const checker of this.#checkers) tell(checker);
  }

  #applied(node: SimNode, index: number, what: string): void {
    this.#trace.note(this.#clock.now(), 'apply', node.id, index, what);
    this.#tell((checker) => checker.applied?.(node.id, index as LogIndex, what));
  }

  /**
   * What a sick disk does to its node is no fault of the node's; it is started again, as its supervisor would do. No disk
   * excuses a broken invariant.
   */
  #failed(node: SimNode, failure: Error): void {
    this.#marks.count(markOf(failure));
    const excuse = node.disk.excuse ?? (node.replica ? undefined : node.disk.startExcuse);
    if (excuse && !(failure instanceof AssertionError)) {
      this.#trace.note(this.#clock.now(), 'stopped by its disk', node.id, excuse);
      this.#clock.setTimer(0, () => this.#faults.fellOver(node));
      return;
    }
    this.#violations.add('no replica stops by itself', `${node.id}: ${failure.stack ?? failure.message}`);
  }

  run(): SimReport {
    for (const node of this.#nodes) node.start();
    this.#workload.start();
    this.#faults.start();
    this.#stepWhile(
      () => this.#clock.now() < this.#options.safetyMs && this.#steps < this.#options.eventsMax,
    );
    if (!this.#violations.first) this.#demandLiveness();
    if (!this.#violations.first) this.#registers.judge(this.#members()[0]!.registers!.values);
    return this.#report();
  }

  #stepWhile(condition: () => boolean): void {
    while (!this.#violations.first && condition() && this.#step()) {
      this.#steps++;
      for (const node of this.#touched) this.#observe(node);
      this.#touched.clear();
    }
  }

  /** One event; false when nothing is left to happen. What it throws would have ended a real process. */
  #step(): boolean {
    try {
      return this.#clock.step();
    } catch (thrown) {
      const problem = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      this.#violations.add('nothing is thrown into the event loop', problem);
      return false;
    }
  }

  #observe(node: SimNode): void {
    const status = node.replica?.status();
    if (!status || status.role === 'stopped') return;
    const stats = node.replica!.stats();
    for (const checker of this.#following) checker.observed!(node.id, status, stats);
    const isNews = status.commitIndex > this.#committed;
    if (isNews) this.#committed = status.commitIndex;
    if (node.replica!.quiescence?.isQuiet) this.#marks.count('quiet group');
    if (status.membership.isJoint) this.#marks.count('joint configuration');
    if (status.role !== 'leader') return;
    if (status.membership.standing !== 'voter') this.#marks.count('leader outside its configuration');
    if (isNews) this.#faults.committed(node);
    if (this.#led.get(node.id) === status.term) return;
    this.#led.set(node.id, status.term);
    this.#trace.note(this.#clock.now(), 'leads', node.id, status.term);
    this.#tell((checker) => checker.elected?.(node.id, status.term));
    this.#faults.elected(node);
  }

  /**
   * The trouble is over: every call must end, the group must have come to rest in a configuration, every member of it
   * must answer a read, then take an append, and all must agree on one state. The read comes first, since it
   * must not need somebody's append to be answered.
   */
  #demandLiveness(): void {
    this.#faults.heal();
    this.#workload.stop();
    const deadline = this.#clock.now() + this.#options.livenessMs;
    const inTime = () => this.#clock.now() < deadline;
    this.#stepWhile(() => inTime() && !(this.#workload.waiting === 0 && this.#isSettled()));
    if (!inTime()) {
      this.#violations.add('liveness', this.#describe(new Set()));
      return;
    }
    const owed = new Set(this.#members());
    for (const node of owed) this.#readUntilDone(node, owed);
    this.#stepWhile(() => inTime() && owed.size > 0);
    if (owed.size === 0) {
      for (const node of this.#members()) this.#appendUntilDone(node, owed);
    }
    this.#stepWhile(() => inTime() && !(owed.size === 0 && this.#workload.waiting === 0 && this.#agree()));
    if (this.#violations.first) return;
    if (!inTime()) this.#violations.add('liveness', this.#describe(owed));
    else this.#history.settle(this.#members()[0]!.lists!.lists);
  }

  #leader(): ConsensusStatus | undefined {
    const statuses = this.#nodes.map((node) => node.replica?.status());
    const leaders = statuses.filter((status) => status?.role === 'leader');
    return leaders.toSorted((x, y) => y!.term - x!.term)[0];
  }

  /** Whether everybody runs, and the configuration is one that stays until another is asked for. */
  #isSettled(): boolean {
    this.#bringBackMembers();
    const membership = this.#leader()?.membership;
    const allRun = this.#nodes.every(({ replica, isGone }) => replica || isGone);
    return allRun && membership?.isCommitted === true && !membership.isJoint;
  }

  /** A change that was under way when a machine was given up may have made it a member once more. */
  #bringBackMembers(): void {
    for (const node of this.#members()) {
      if (!node.isGone) continue;
      node.isGone = false;
      if (!node.up) node.start();
    }
  }

  /** Who belongs to the group now. Changes that were asked for may still be carried out. */
  #members(): SimNode[] {
    const { voters = [], learners = [] } = this.#leader()?.membership ?? {};
    return this.#nodes.filter(({ id }) => voters.includes(id) || learners.includes(id));
  }

  /** Nothing is owed by a node that has been removed meanwhile. */
  #owesNothing(node: SimNode, owed: Set<SimNode>): boolean {
    const isOut = this.#leader() !== undefined && !this.#members().includes(node);
    if (isOut) owed.delete(node);
    return isOut;
  }

  /** Errors are allowed for a while, since a leader may still have to be found; silence and refusal for ever are not. */
  #readUntilDone(node: SimNode, owed: Set<SimNode>): void {
    const retry = () =>
      void this.#clock.setTimer(PAUSE_BEFORE_RETRY_MS, () => this.#readUntilDone(node, owed));
    if (this.#owesNothing(node, owed)) return;
    // A node that was being stopped in order when all was healed comes back by itself.
    if (!node.replica) return retry();
    this.#workload.readAt(node, (answered) => (answered ? void owed.delete(node) : retry()));
  }

  #appendUntilDone(node: SimNode, owed: Set<SimNode>): void {
    owed.add(node);
    const retry = () =>
      void this.#clock.setTimer(PAUSE_BEFORE_RETRY_MS, () => this.#appendUntilDone(node, owed));
    if (this.#owesNothing(node, owed)) return;
    if (!node.replica) return retry();
    this.#workload.appendAt(node, (acknowledged) => (acknowledged ? void owed.delete(node) : retry()));
  }

  #agree(): boolean {
    const leader = this.#leader();
    const members = this.#members();
    const statuses = members.map((node) => node.replica?.status());
    if (!leader || !this.#isSettled() || statuses.some((status) => status?.appliedIndex !== leader.lastIndex))
      return false;
    const shown = members.map((node) => node.shown());
    if (shown.some((state) => state !== shown[0])) {
      this.#violations.add(
        'state machine safety',
        `states differ at ${leader.lastIndex}: ${shown.join(' | ')}`,
      );
    }
    return true;
  }

  #describe(owed: ReadonlySet<SimNode>): string {
    const states = this.#nodes.map((node) => {
      const s = node.replica?.status();
      if (!s) return `${node.id} is down`;
      const indexes = `commit ${s.commitIndex} applied ${s.appliedIndex} last ${s.lastIndex} snapshot ${s.snapshotIndex}`;
      const { voters, outgoing, standing, index } = s.membership;
      const group = `${standing} of [${voters.join()}|${outgoing.join()}] by ${index}`;
      return `${node.id} ${s.role}, ${group}, of term ${s.term} (leader ${s.leader}), ${indexes}`;
    });
    const waiting = `${this.#workload.waiting} calls wait, ${owed.size} nodes answered no read or append`;
    return `${waiting} after ${this.#options.livenessMs} ms without faults; ${states.join('; ')}`;
  }

  #countMarks(): Readonly<Record<string, number>> {
    for (const node of this.#nodes) for (const what of COUNTED) this.#marks.count(what, node.counted(what));
    return this.#marks.counts;
  }

  #report(): SimReport {
    return {
      seed: this.#run.seed,
      steps: this.#steps,
      violation: this.#violations.first,
      traceHash: this.#trace.hash,
      trace: this.#trace.lines,
      options: this.#options,
      marks: this.#countMarks(),
      exercised: {
        delivered: this.#network.delivered,
        acknowledged: this.#history.acknowledgedCount,
        reads: this.#history.readCount,
        terms: Math.max(0, ...this.#led.values()),
        snapshotsInstalled: this.#nodes.reduce((sum, node) => sum + node.counted('snapshotsInstalled'), 0),
        committed: this.#committed,
        registerCalls: this.#registers.size,
      },
    };
  }
}

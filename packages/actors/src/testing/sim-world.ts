import {
  incarnation,
  type NodeId,
  nodeId,
  type Random,
  randomIds,
  runVirtual,
  seededRandom,
  VirtualClock,
} from '@tutti/kernel';
import {
  type ActorSystem,
  createActorSystem,
  type Member,
  type MemberState,
  type Members,
  type Ref,
  type ReplicatedHandle,
  type ReplicatedModule,
} from '@tutti/runtime';
import type { AnyActorLogic } from 'xstate';
import type { SessionRecord } from '../coordination/board/state.ts';
import { TaskBoard } from '../coordination/board/task-board.ts';
import type { Plan } from '../engines/workflow/plan.ts';
import {
  createOrchestration,
  type Orchestration,
  type OrchestrationOptions,
  type Submission,
} from '../orchestration.ts';
import { simulatedWorker, type Worker } from '../workers/worker.ts';
import { type LogFaults, SharedLog } from './shared-log.ts';

export interface WorldOptions {
  readonly seed?: number;
  /** Default one, `n1`. */
  readonly nodes?: readonly string[];
  readonly workers?: (clock: VirtualClock, node: string) => readonly Worker[];
  readonly faults?: LogFaults;
  /** From a node's death to its loss being agreed on; default 500 ms. */
  readonly detectMs?: number;
  readonly options?: Partial<Pick<OrchestrationOptions, 'limits' | 'capabilities' | 'balancer' | 'profiles'>>;
}

interface Life {
  readonly system: ActorSystem;
  readonly orchestration: Orchestration;
  readonly master: AnyActorLogic;
}

/** A small cluster on virtual time: real boards, masters and orchestrators over a log that is told, not agreed. */
export class SimWorld {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly log: SharedLog<TaskBoard>;
  readonly members: SimMembers;
  readonly #options: WorldOptions;
  readonly #lives = new Map<string, Life>();
  #incarnation = 0;
  #master: { node: string; ref: Ref } | undefined;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.random = seededRandom(options.seed ?? 1);
    this.log = new SharedLog(() => new TaskBoard(), this.clock, this.random.fork('log'), options.faults);
    this.members = new SimMembers(this.clock);
    for (const node of options.nodes ?? ['n1']) this.boot(node);
  }

  /** What the log has come to. */
  get board(): TaskBoard {
    return this.log.truth;
  }

  /** The orchestration of a node that lives; of any if none is named. */
  on(node?: string): Orchestration {
    const life = node === undefined ? [...this.#lives.values()][0] : this.#lives.get(node);
    if (!life) throw new Error(`${node} does not live`);
    return life.orchestration;
  }

  /** The actors of a node that lives. */
  systemOf(node: string): ActorSystem {
    return this.#lives.get(node)!.system;
  }

  get masterRef(): Ref {
    return this.#master!.ref;
  }

  get masterNode(): string | undefined {
    return this.#master?.node;
  }

  /** Has the members know this of the present life of a node. */
  say(node: string, state: MemberState): void {
    const member = this.members.get(nodeId(node))!;
    this.members.set(member.nodeId, member.incarnation, state);
  }

  /** Whether the members have this life of the node as up. */
  isUp(node: string): boolean {
    return this.members.get(nodeId(node))?.state === 'up';
  }

  lives(): string[] {
    return [...this.#lives.keys()];
  }

  /** Begins a new life of a node. */
  boot(node: string): void {
    const id = nodeId(node);
    const life = incarnation(++this.#incarnation);
    const system = createActorSystem({
      nodeId: id,
      incarnation: life,
      clock: this.clock,
      random: this.random.fork(`actors ${node} ${life}`),
      ids: randomIds(this.random.fork(`actor ids ${node} ${life}`)),
    });
    let master: AnyActorLogic | undefined;
    const handle = this.log.open(node);
    const orchestration = createOrchestration({
      cluster: {
        system,
        members: this.members,
        replicated: <Module extends ReplicatedModule>() =>
          handle as ReplicatedHandle as ReplicatedHandle<Module>,
        entity: (_kind, logic) => {
          master = logic;
        },
      },
      workers: [...(this.#options.workers?.(this.clock, node) ?? []), simulatedWorker(this.clock)],
      clock: this.clock,
      random: this.random.fork(`node ${node} ${life}`),
      ids: randomIds(this.random.fork(`ids ${node} ${life}`)),
      ...this.#options.options,
    });
    void orchestration.start();
    this.#lives.set(node, { system, orchestration, master: master! });
    this.members.set(id, life, 'up');
    this.#placeMaster();
  }

  /** The process dies at once; the others learn of it later, unless it is back by then. */
  kill(node: string): void {
    const life = this.#lives.get(node);
    if (!life) return;
    this.#lives.delete(node);
    this.log.close(node);
    void life.system.stop();
    if (this.#master?.node === node) this.#master = undefined;
    this.clock.setTimer(this.#options.detectMs ?? 500, () => {
      const member = this.members.get(life.system.nodeId);
      if (member && member.incarnation === life.system.incarnation)
        this.members.set(member.nodeId, member.incarnation, 'lost');
      this.#placeMaster();
    });
  }

  /** Agrees that a node is lost which only cannot be reached: it goes on, and does not know. */
  declareLost(node: string): void {
    const member = this.members.get(nodeId(node))!;
    this.members.set(member.nodeId, member.incarnation, 'lost');
    if (this.#master?.node === node) this.#master = undefined;
    this.#placeMaster();
  }

  /** Stops the master where it is and begins one on another node, or the same if it is alone. */
  moveMaster(): void {
    if (!this.#master) return;
    const { node, ref } = this.#master;
    void ref.stop();
    const others = this.lives().filter((other) => other !== node);
    this.#spawnMaster(others.length > 0 ? this.random.pick(others) : node);
  }

  /** Submits by a node, and lets time pass until the log has it. */
  submit(plan: Plan, submission: Submission & { readonly by?: string } = {}): Promise<string> {
    return this.settle(this.on(submission.by).submit(plan, submission));
  }

  /** Lets time pass until this is settled. */
  async settle<Value>(promise: Promise<Value>): Promise<Value> {
    let isSettled = false;
    const note = () => {
      isSettled = true;
    };
    promise.then(note, note);
    await this.until(() => isSettled);
    return promise;
  }

  /** Lets time pass until all of these sessions are over. */
  async finish(...sessions: string[]): Promise<SessionRecord[]> {
    await this.until(() => sessions.every((id) => isOver(this.board.session(id))));
    return sessions.map((id) => this.board.session(id)!);
  }

  /** Lets time pass, an hour at most, until this is so. */
  async until(isSo: () => boolean, limitMs = 3_600_000): Promise<void> {
    await runVirtual(this.clock, isSo, limitMs);
    if (!isSo()) throw new Error(`it has not come to pass by ${this.clock.now()} ms`);
  }

  /** Lets this much time pass. */
  async pass(durationMs: number): Promise<void> {
    const end = this.clock.now() + durationMs;
    let over = false;
    this.clock.setTimer(durationMs, () => {
      over = true;
    });
    await this.until(() => over || this.clock.now() > end);
  }

  #placeMaster(): void {
    if (this.#master) return;
    const home = this.lives().find((node) => this.members.get(nodeId(node))?.state === 'up');
    if (home !== undefined) this.#spawnMaster(home);
  }

  #spawnMaster(node: string): void {
    const life = this.#lives.get(node)!;
    this.#master = { node, ref: life.system.spawn(life.master) };
  }
}

/** Members as a test says. */
export class SimMembers implements Members {
  readonly #members = new Map<NodeId, Member>();
  readonly #listeners = new Set<(member: Member, before: MemberState | undefined) => void>();
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  list(): Member[] {
    return [...this.#members.values()];
  }

  get(id: NodeId): Member | undefined {
    return this.#members.get(id);
  }

  onChange(listener: (member: Member, before: MemberState | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(id: NodeId, life: Member['incarnation'], state: MemberState): void {
    const before = this.#members.get(id)?.state;
    const member = { nodeId: id, incarnation: life, state, labels: {}, since: this.#clock.wallTime() };
    this.#members.set(id, member);
    for (const listener of this.#listeners) listener(member, before);
  }
}

function isOver(session: SessionRecord | undefined): boolean {
  return session !== undefined && session.state !== 'running';
}

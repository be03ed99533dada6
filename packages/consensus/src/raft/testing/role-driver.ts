import { logIndex, nodeId, type Random, seededRandom, type Term, term, unreachable } from '@tutti/kernel';
import type { HardState, RaftMessage, VoteReply } from '../messages.ts';
import { RaftNode } from '../raft-node.ts';
import type { RaftRole } from '../raft-node-options.ts';
import type { PersistBatch } from '../ready.ts';
import { CoreDisk } from './core-cluster.ts';
import { type RoleContext, type RoleEvent, type RoleSnapshot, TERM_FIRST } from './role-machine.ts';

const SELF = nodeId('a');
const TIMEOUT_TICKS = 10;

/** What the core did about an event, seen from outside. */
export interface RoleObservation {
  readonly role: RaftRole;
  readonly term: number;
  readonly leader: RoleContext['leader'];
  readonly disk: RoleContext['disk'];
  /** Term and vote as they were last handed out for writing. */
  readonly written: RoleContext['disk'];
  readonly reply: RoleContext['reply'];
  /** A vote that was given is not to be told before it is on disk. */
  readonly isVoteToldEarly: boolean;
}

/** What another server says. */
type Said = Exclude<RoleEvent, { readonly type: 'timeout' | 'silence' | 'flush' | 'crash' }>;

/** The longest election timeout there is, every time. */
const slowest: Random = { ...seededRandom(1), integer: (_min, max) => max };

/** Server `a` as the real core, to which the events of the role machine are done. */
export class RoleDriver {
  readonly #disk = new CoreDisk();
  readonly #isVoter: boolean;
  #core: RaftNode;
  #flights: { readonly batch: PersistBatch; readonly after: readonly RaftMessage[] }[] = [];
  #written: HardState;
  #sent: RaftMessage[] = [];
  readonly #past: RoleEvent[] = [];

  constructor(isVoter: boolean) {
    this.#isVoter = isVoter;
    this.#written = { term: term(TERM_FIRST), votedFor: undefined };
    // One entry, so that a log can be behind.
    const entry = { index: logIndex(1), term: term(1), kind: 'noop', data: new Uint8Array(0) } as const;
    this.#disk.write({ sequence: 0, hardState: this.#written, entries: [entry] });
    this.#core = this.#make();
  }

  #make(): RaftNode {
    const voters = this.#isVoter ? ['a', 'b', 'c'] : ['b', 'c', 'd'];
    return new RaftNode({
      id: SELF,
      config: { electionTimeoutTicks: TIMEOUT_TICKS, heartbeatTicks: 1 },
      random: slowest,
      hardState: this.#disk.hardState,
      membership: { voters: voters.map(nodeId), learners: this.#isVoter ? [] : [SELF] },
      log: this.#disk,
    });
  }

  /** Does one event, and tells what came of it. */
  do(event: RoleEvent): RoleObservation {
    const asks = event.type === 'voteRequest' || event.type === 'preVoteRequest';
    const promisedBefore = asks ? this.#promised() : [];
    this.#past.push(event);
    this.#act(event);
    const told = this.#sent.find(isVoteReply);
    const promised = asks ? this.#promised() : [];
    const answer = told ?? (promised.length > promisedBefore.length ? promised.at(-1) : undefined);
    return {
      role: this.#core.role,
      term: this.#core.term,
      leader: nameOf(this.#core.leader) as RoleContext['leader'],
      disk: shown(this.#disk.hardState),
      written: shown(this.#written),
      reply: !asks || answer === undefined ? 'none' : answer.granted ? 'granted' : 'refused',
      isVoteToldEarly: told?.granted === true && !told.pre && this.#flights.length > 0,
    };
  }

  /** The answers that only wait for the disk: found by doing everything again beside, and flushing there. */
  #promised(): VoteReply[] {
    if (this.#flights.length === 0) return [];
    const twin = new RoleDriver(this.#isVoter);
    for (const event of this.#past) twin.#act(event);
    twin.#sent = [];
    twin.#flush();
    return twin.#sent.filter(isVoteReply);
  }

  #act(event: RoleEvent): void {
    this.#sent = [];
    if (event.type === 'timeout' && this.#core.role !== 'leader') this.#runOut();
    else if (event.type === 'timeout' || event.type === 'silence') this.#tick(TIMEOUT_TICKS);
    else if (event.type === 'flush') this.#flush();
    else if (event.type === 'crash') this.#crash();
    else this.#core.step(this.#message(event));
    this.#drain();
  }

  #crash(): void {
    this.#flights = [];
    this.#written = this.#disk.hardState;
    this.#core = this.#make();
  }

  #tick(times: number): void {
    for (let tick = 0; tick < times; tick++) this.#core.tick();
  }

  /** Ticks until a campaign begins, which asks the others for something. */
  #runOut(): void {
    for (let tick = 0; tick < 2 * TIMEOUT_TICKS; tick++) {
      this.#core.tick();
      this.#drain();
      if (this.#sent.some(({ type }) => type === 'requestVote')) return;
    }
  }

  #flush(): void {
    this.#drain();
    for (let flight = this.#flights.shift(); flight; flight = this.#flights.shift()) {
      this.#disk.write(flight.batch);
      this.#sent.push(...flight.after);
      this.#core.persisted(flight.batch.sequence);
      this.#drain();
    }
  }

  #drain(): void {
    while (this.#core.hasReady()) {
      const ready = this.#core.ready();
      this.#sent.push(...ready.messages);
      if (ready.persist) this.#flights.push({ batch: ready.persist, after: ready.afterPersist });
      this.#written = ready.persist?.hardState ?? this.#written;
    }
  }

  #message(event: Said): RaftMessage {
    const now = this.#core.term;
    const ends = { from: nodeId('from' in event ? event.from : 'b'), to: SELF };
    const reply = { ...ends, type: 'voteReply', term: now } as const;
    switch (event.type) {
      case 'heartbeat': {
        const zero = { commitIndex: logIndex(0), readRound: 0 };
        return { ...ends, ...zero, type: 'heartbeat', term: offset(now, TERM_OFFSET[event.term]) };
      }
      case 'answer':
        return { ...ends, type: 'heartbeatReply', term: now, readRound: 0, lastIndex: logIndex(0) };
      case 'voteRequest':
      case 'preVoteRequest': {
        const pre = event.type === 'preVoteRequest';
        const term = offset(now, pre ? 1 : TERM_OFFSET[event.term]);
        const transfer = !pre && event.transfer;
        return { ...ends, ...this.#log(event.log), type: 'requestVote', term, pre, transfer };
      }
      case 'takeOver':
        return { ...ends, type: 'timeoutNow', term: now };
      case 'preVote':
        return { ...reply, pre: true, campaignTerm: offset(now, 1), granted: event.granted };
      case 'vote':
        return { ...reply, pre: false, campaignTerm: now, granted: event.granted };
      case 'lateVote':
        return { ...reply, term: offset(now, -1), pre: false, campaignTerm: offset(now, -1), granted: true };
      case 'newerTerm':
        return { ...reply, term: offset(now, 1), pre: false, campaignTerm: now, granted: false };
      default:
        return unreachable(event);
    }
  }

  #log(log: 'current' | 'behind') {
    if (log === 'behind') return { lastIndex: logIndex(0), lastTerm: term(0) };
    return { lastIndex: this.#core.lastIndex, lastTerm: this.#core.term };
  }
}

function isVoteReply(message: RaftMessage): message is VoteReply {
  return message.type === 'voteReply';
}

const TERM_OFFSET = { same: 0, next: 1, old: -1 } as const;

function offset(now: Term, by: number): Term {
  return term(now + by);
}

function nameOf(id: string | undefined): string | null {
  if (id === undefined) return null;
  return id === SELF ? 'self' : id;
}

function shown({ term, votedFor }: HardState): RoleContext['disk'] {
  return { term, votedFor: nameOf(votedFor) as RoleContext['votedFor'] };
}

/** What the machine says that is to be seen. */
export function expected({ value, context }: RoleSnapshot): RoleObservation {
  const { term, leader, disk, votedFor, reply } = context;
  return {
    role: value as RaftRole,
    term,
    leader,
    disk,
    written: { term, votedFor },
    reply,
    isVoteToldEarly: false,
  };
}

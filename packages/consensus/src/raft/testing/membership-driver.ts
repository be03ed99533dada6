import { assert, isTuttiError, nodeId } from '@tutti/kernel';
import type { MembershipChange } from '../membership-change.ts';
import { CoreCluster } from './core-cluster.ts';
import type { Change, Group, MembershipEvent, MembershipSnapshot, Name } from './membership-machine.ts';

/** Ticks after which nothing is left to do when everything gets through: each step needs a heartbeat or two. */
const SPREAD_TICKS = 8;
/** A change that waits for learners is not given up while a walk lasts. */
const WAIT_TICKS = 1_000_000;

/** What the leader shows, and what it said to the last request. */
export interface MembershipObservation {
  readonly group: Group;
  readonly isCommitted: boolean;
  readonly reply: string | null;
  /** Members that go by another configuration than the leader, though everything got through. */
  readonly others: readonly string[];
}

/** Five real cores, to whose leader the events of the membership machine are done. */
export class MembershipDriver {
  readonly #cluster = new CoreCluster({ voters: ['a', 'b', 'c'] });
  #requests = 0;

  constructor() {
    this.#cluster.elect('a');
    this.#cluster.add('d');
    this.#cluster.add('e');
  }

  do(event: MembershipEvent): MembershipObservation {
    const reply = event.type === 'ask' ? this.#ask(event.change) : null;
    if (event.type === 'write') this.#write();
    if (event.type === 'spread') this.#spread();
    if (event.type === 'spreadAmongOld') this.#spread('d', 'e');
    if (event.type === 'crash') this.#crash();
    const isSettled = event.type === 'spread' || event.type === 'crash';
    return { ...this.#leader(), reply, others: isSettled ? this.#others() : [] };
  }

  #ask(change: Change): string {
    try {
      const outcome = this.#cluster
        .core('a')
        .changeMembership(`r${++this.#requests}`, requested(change), WAIT_TICKS);
      return outcome ?? 'no leader';
    } catch (thrown) {
      if (isTuttiError(thrown)) return thrown.code;
      throw thrown;
    }
  }

  #write(): void {
    this.#cluster.host('a').flush();
    this.#cluster.messages.length = 0;
  }

  #spread(...cutOff: Name[]): void {
    for (let tick = 0; tick < SPREAD_TICKS; tick++) {
      this.#cluster.tick('a');
      this.#cluster.settleWithout(...cutOff);
    }
  }

  #crash(): void {
    for (const host of this.#cluster.hosts.values()) host.crash();
    this.#cluster.messages.length = 0;
    this.#cluster.elect('a');
    this.#spread();
  }

  #leader(): Pick<MembershipObservation, 'group' | 'isCommitted'> {
    const core = this.#cluster.core('a');
    assert(core.role === 'leader', 'a leads on every path');
    return { group: this.#groupOf('a'), isCommitted: core.membershipIndex <= core.commitIndex };
  }

  #groupOf(name: string): Group {
    const { voters, outgoing, learners, promotable = [] } = this.#cluster.core(name).membership;
    return {
      voters: names(voters),
      outgoing: outgoing ? names(outgoing) : null,
      learners: names(learners),
      promotable: names(promotable),
    };
  }

  #others(): string[] {
    const own = this.#groupOf('a');
    return [...own.voters, ...own.learners].filter(
      (name) => JSON.stringify(this.#groupOf(name)) !== JSON.stringify(own),
    );
  }
}

const names = (ids: readonly string[]): Name[] => ([...ids] as Name[]).sort();

function requested(change: Change): MembershipChange {
  if (change.type === 'set') {
    return { type: 'set', voters: change.voters.map((name) => ({ node: nodeId(name) })), learners: [] };
  }
  const node = nodeId(change.node);
  if (change.type === 'addLearner') return { type: 'addLearner', member: { node }, promote: change.promote };
  return { type: change.type, node };
}

/** What the machine says that is to be seen. */
export function expectedMembership({ context }: MembershipSnapshot): MembershipObservation {
  const { group, isCommitted, reply } = context;
  return { group, isCommitted, reply, others: [] };
}

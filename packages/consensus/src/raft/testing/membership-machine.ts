import { assign, type SnapshotFrom, setup } from 'xstate';

/**
 * How a group changes its members (Raft paper 6; thesis 4), as a machine that knows nothing of the core's code. It
 * speaks of the leader `a` of the voters a, b and c, and of two new nodes, d and e. A group is `simple` while its
 * configuration is committed, `appended` while a new one is only in the leader's log, `joint` while two majorities are
 * needed, and `catching up` while voters to be are still learners.
 */
export type Name = 'a' | 'b' | 'c' | 'd' | 'e';

export interface Group {
  readonly voters: readonly Name[];
  readonly outgoing: readonly Name[] | null;
  readonly learners: readonly Name[];
  /** Learners that are to vote without being asked for again. */
  readonly promotable: readonly Name[];
}

export type Change =
  | { readonly type: 'set'; readonly voters: readonly Name[] }
  | { readonly type: 'addLearner'; readonly node: Name; readonly promote: boolean }
  | { readonly type: 'promote' | 'remove'; readonly node: Name };

export type MembershipEvent =
  | { readonly type: 'ask'; readonly change: Change }
  /** The leader's disk has what it wrote, and nobody else hears of it. */
  | { readonly type: 'write' }
  /** Everything gets through, for as long as there is something to do. */
  | { readonly type: 'spread' }
  /** The same, but the new nodes are not heard and hear nothing. */
  | { readonly type: 'spreadAmongOld' }
  /** All lose what their disks do not have, and `a` is elected again. */
  | { readonly type: 'crash' };

export interface MembershipContext {
  readonly group: Group;
  readonly isCommitted: boolean;
  /** What a crash before the next write would bring back. */
  readonly written: Group;
  /** What the leader waits to begin, which only it knows. */
  readonly staged: Change | null;
  /** Learners that keep up. */
  readonly caughtUp: readonly Name[];
  /** What the last request was told. */
  readonly reply: string | null;
}

const CHANGES: readonly Change[] = [
  { type: 'set', voters: ['a', 'b', 'c'] },
  { type: 'set', voters: ['a', 'b', 'd'] },
  { type: 'set', voters: ['a', 'd', 'e'] },
  { type: 'addLearner', node: 'd', promote: true },
  { type: 'promote', node: 'd' },
  { type: 'remove', node: 'c' },
  { type: 'remove', node: 'd' },
];

export const MEMBERSHIP_EVENTS: readonly MembershipEvent[] = [
  ...CHANGES.map((change) => ({ type: 'ask' as const, change })),
  { type: 'write' },
  { type: 'spread' },
  { type: 'spreadAmongOld' },
  { type: 'crash' },
];

const sorted = (names: readonly Name[]): Name[] => [...new Set(names)].sort();
const without = (names: readonly Name[], node: Name): Name[] => names.filter((name) => name !== node);

/** The group as a change would have it in the end; undefined where it names somebody who is no member. */
function target(group: Group, change: Change): Group | undefined {
  const { voters, learners, promotable } = group;
  if (change.type === 'set') return { voters: change.voters, outgoing: null, learners: [], promotable: [] };
  const { node } = change;
  const isMember = voters.includes(node) || learners.includes(node);
  if (change.type === 'addLearner') {
    const mayVote = change.promote && !voters.includes(node);
    return {
      ...group,
      learners: isMember ? learners : sorted([...learners, node]),
      promotable: mayVote ? sorted([...promotable, node]) : promotable,
    };
  }
  if (!isMember) return undefined;
  if (change.type === 'promote') return voters.includes(node) ? group : promoted(group, node);
  const rest = { voters: without(voters, node), learners: without(learners, node) };
  return { ...group, ...rest, promotable: without(promotable, node) };
}

function promoted(group: Group, node: Name): Group {
  return {
    ...group,
    voters: sorted([...group.voters, node]),
    learners: without(group.learners, node),
    promotable: without(group.promotable, node),
  };
}

/** What the leader makes of a request: what it says, and what it does. */
interface Plan {
  readonly reply: string;
  readonly begins?: 'appended' | 'joint' | 'catching up';
  readonly group?: Group;
}

function plan({ group, caughtUp }: MembershipContext, change: Change): Plan {
  const wanted = target(group, change);
  if (!wanted) return { reply: 'TUTTI_NOT_A_MEMBER' };
  if (JSON.stringify(wanted) === JSON.stringify(group)) return { reply: 'done' };
  const behind = wanted.voters.filter((name) => !group.voters.includes(name) && !caughtUp.includes(name));
  if (behind.length > 0 && change.type !== 'set') return { reply: 'TUTTI_MEMBER_BEHIND' };
  if (behind.length > 0) {
    // New voters are learners first: an empty log must not be waited for (thesis 4.2.1).
    const learners = sorted([...group.learners, ...behind]);
    return { reply: 'begun', begins: 'catching up', group: { ...group, learners } };
  }
  return { reply: 'begun', ...firstStep(group, wanted) };
}

/** With one voter more or less any two majorities share a node; otherwise both must agree for a while. */
function firstStep(group: Group, wanted: Group): { begins: 'appended' | 'joint'; group: Group } {
  const differing = [...group.voters, ...wanted.voters].filter(
    (name) => group.voters.includes(name) !== wanted.voters.includes(name),
  );
  if (differing.length <= 1) return { begins: 'appended', group: wanted };
  return { begins: 'joint', group: { ...wanted, outgoing: group.voters } };
}

/** Where it all leads once everything gets through. */
function settled({ group, staged }: MembershipContext): Group {
  const wanted = staged ? target(group, staged)! : { ...group, outgoing: null };
  return wanted.promotable.reduce(promoted, wanted);
}

const planOf = ({ context, event }: { context: MembershipContext; event: MembershipEvent }): Plan =>
  event.type === 'ask' ? plan(context, event.change) : { reply: '' };

/** Without d and e the rest can commit, and nobody among them is catching up. */
const isAmongOld = ({ context: { group, caughtUp } }: { context: MembershipContext }): boolean => {
  const voters = [...group.voters, ...(group.outgoing ?? [])];
  const needsNew = voters.includes('d') || voters.includes('e');
  return caughtUp.length === 0 && !needsNew && !group.learners.includes('c');
};

const FIRST: Group = { voters: ['a', 'b', 'c'], outgoing: null, learners: [], promotable: [] };

export const membershipMachine = setup({
  types: { context: {} as MembershipContext, events: {} as MembershipEvent },
  actions: {
    refuse: assign({ reply: 'TUTTI_MEMBERSHIP_CHANGING' }),
    answer: assign((given) => ({ reply: planOf(given).reply })),
    begin: assign((given) => {
      const group = planOf(given).group!;
      // Where those who are to vote are learners already there is nothing to append yet.
      const isCommitted = JSON.stringify(group) === JSON.stringify(given.context.group);
      return { group, isCommitted, reply: 'begun' };
    }),
    commit: assign(({ context }) => ({ written: context.group, isCommitted: true, reply: null })),
    stage: assign(({ event }) => ({ staged: event.type === 'ask' ? event.change : null })),
    write: assign(({ context }) => ({ written: context.group, reply: null })),
    settle: assign(({ context }) => {
      const group = settled(context);
      return {
        group,
        isCommitted: true,
        written: group,
        staged: null,
        caughtUp: group.learners,
        reply: null,
      };
    }),
    /** The leader forgets what it was waiting to begin; what is in its log goes on. */
    restart: assign(({ context }) => {
      const group = settled({ ...context, group: context.written, staged: null });
      return {
        group,
        isCommitted: true,
        written: group,
        staged: null,
        caughtUp: group.learners,
        reply: null,
      };
    }),
  },
}).createMachine({
  id: 'membership',
  context: { group: FIRST, isCommitted: true, written: FIRST, staged: null, caughtUp: [], reply: null },
  initial: 'simple',
  on: {
    write: { actions: 'write' },
    spread: { target: '.simple', actions: 'settle' },
    crash: { target: '.simple', actions: 'restart' },
    ask: { actions: 'refuse' },
  },
  states: {
    simple: {
      on: {
        ask: [
          {
            guard: (given) => planOf(given).begins === 'catching up',
            target: 'catching up',
            actions: ['begin', 'stage'],
          },
          { guard: (given) => planOf(given).begins === 'joint', target: 'joint', actions: 'begin' },
          { guard: (given) => planOf(given).begins === 'appended', target: 'appended', actions: 'begin' },
          { actions: 'answer' },
        ],
      },
    },
    appended: {
      on: {
        // Committed without the new nodes, which therefore do not keep up yet.
        spreadAmongOld: {
          guard: isAmongOld,
          target: 'simple',
          actions: 'commit',
        },
      },
    },
    joint: {},
    'catching up': {
      on: { spreadAmongOld: { guard: isAmongOld, actions: 'commit' } },
    },
  },
});

export type MembershipSnapshot = SnapshotFrom<typeof membershipMachine>;

/** What tells two states apart: all but the answer that was given last. */
export function serializeMembership({ value, context }: MembershipSnapshot): string {
  const { reply: _, ...lasting } = context;
  return JSON.stringify([value, lasting]);
}

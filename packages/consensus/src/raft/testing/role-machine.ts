import { assign, type SnapshotFrom, setup } from 'xstate';

/**
 * The roles of one server as figure 4 of the Raft paper draws them, with the pre-vote of thesis 9.6 and a learner,
 * as a machine that knows nothing of the core's code. It is server `a` of the voters a, b and c, and whatever the
 * others say to it is an event; `b` is the one that leads when another does.
 *
 * Its paths are walked with the core beside it. Terms are bounded so that the graph is finite.
 */
export const TERM_FIRST = 1;
const TERM_MAX = 3;

type Peer = 'b' | 'c';

export interface RoleContext {
  readonly isVoter: boolean;
  readonly term: number;
  readonly votedFor: 'self' | Peer | null;
  readonly leader: 'self' | 'b' | null;
  /** The leader was heard within the shortest election timeout. */
  readonly hears: boolean;
  /** What the others said in this campaign; the first word of each stands. */
  readonly yes: readonly Peer[];
  readonly no: readonly Peer[];
  /** As leader: a quorum answered since it last looked. */
  readonly answered: boolean;
  /** What is on disk, and so what a crash leaves. */
  readonly disk: { readonly term: number; readonly votedFor: RoleContext['votedFor'] };
  /** What the last event was answered with, if it asked for a vote. */
  readonly reply: 'granted' | 'refused' | 'none';
}

export type RoleEvent =
  /** The election timer runs out; a leader looks whether a quorum answers. */
  | { readonly type: 'timeout' }
  /** The shortest election timeout has passed, the one drawn has not. */
  | { readonly type: 'silence' }
  | { readonly type: 'flush' }
  | { readonly type: 'crash' }
  | { readonly type: 'heartbeat'; readonly term: 'same' | 'next' | 'old' }
  | { readonly type: 'answer' }
  | {
      readonly type: 'voteRequest';
      readonly from: Peer;
      readonly term: 'same' | 'next';
      readonly log: 'current' | 'behind';
      /** The leader itself asked for this election (thesis 3.10). */
      readonly transfer: boolean;
    }
  | { readonly type: 'preVoteRequest'; readonly log: 'current' | 'behind' }
  | { readonly type: 'preVote' | 'vote'; readonly from: Peer; readonly granted: boolean }
  /** The leader says: campaign now (thesis 3.10). */
  | { readonly type: 'takeOver' }
  /** A vote for the campaign before, and word of a newer term. */
  | { readonly type: 'lateVote' }
  | { readonly type: 'newerTerm' };

const PEERS = ['b', 'c'] as const;

/** Everything that can happen, for walking the graph. */
export const ROLE_EVENTS: readonly RoleEvent[] = [
  { type: 'timeout' },
  { type: 'silence' },
  { type: 'flush' },
  { type: 'crash' },
  { type: 'answer' },
  { type: 'takeOver' },
  { type: 'lateVote' },
  { type: 'newerTerm' },
  ...(['same', 'next', 'old'] as const).map((term) => ({ type: 'heartbeat' as const, term })),
  ...(['current', 'behind'] as const).map((log) => ({ type: 'preVoteRequest' as const, log })),
  ...PEERS.flatMap((from) => [
    ...(['same', 'next'] as const).flatMap((term) => [
      { type: 'voteRequest' as const, from, term, log: 'current' as const, transfer: false },
      { type: 'voteRequest' as const, from, term, log: 'behind' as const, transfer: false },
    ]),
    { type: 'voteRequest' as const, from, term: 'next' as const, log: 'current' as const, transfer: true },
    ...[true, false].flatMap((granted) => [
      { type: 'preVote' as const, from, granted },
      { type: 'vote' as const, from, granted },
    ]),
  ]),
];

/** A new term forgets the vote; a follower has no campaign. */
function follow(context: RoleContext, term: number, leader: 'b' | null): Partial<RoleContext> {
  const votedFor = term > context.term ? null : context.votedFor;
  return { term, votedFor, leader, hears: leader !== null, ...NO_CAMPAIGN };
}

const NO_CAMPAIGN = { yes: [], no: [], answered: false } as const;

/** Counts one more word, unless that peer has spoken. */
function counted({ yes, no }: RoleContext, from: Peer, granted: boolean): Pick<RoleContext, 'yes' | 'no'> {
  if (yes.includes(from) || no.includes(from)) return { yes, no };
  return granted ? { yes: [...yes, from].sort(), no } : { yes, no: [...no, from].sort() };
}

/** With the own vote, which counts once it is on disk. */
const hasOwnVote = ({ disk, term }: RoleContext): boolean => disk.term === term && disk.votedFor === 'self';
const isWon = (context: RoleContext): boolean => context.yes.length + (hasOwnVote(context) ? 1 : 0) >= 2;

const same = (event: RoleEvent): boolean => 'term' in event && event.term === 'same';
const next = ({ context, event }: { context: RoleContext; event: RoleEvent }): boolean =>
  'term' in event && event.term === 'next' && context.term < TERM_MAX;

/** Votes are asked for in vain while a leader is heard (section 6), unless it is the leader's own wish. */
const isDisturbing = ({ context, event }: { context: RoleContext; event: RoleEvent }): boolean =>
  (event.type === 'preVoteRequest' ||
    (event.type === 'voteRequest' && event.term === 'next' && !event.transfer)) &&
  (context.leader === 'self' || context.hears);

const mayStand = ({ context }: { context: RoleContext }): boolean => context.term < TERM_MAX;

const granting = ({ event }: { event: RoleEvent }): boolean => 'log' in event && event.log === 'current';

/** One vote a term, for a log that holds all that is committed (5.2, 5.4.1). */
const isFreeToVote = ({ context, event }: { context: RoleContext; event: RoleEvent }): boolean =>
  event.type === 'voteRequest' &&
  event.term === 'same' &&
  event.log === 'current' &&
  (context.votedFor ?? event.from) === event.from;

export const roleMachine = setup({
  types: {
    context: {} as RoleContext,
    events: {} as RoleEvent,
    input: {} as { readonly isVoter: boolean },
  },
  actions: {
    forgetReply: assign({ reply: 'none' }),
    refuse: assign({ reply: 'refused' }),
    grant: assign({ reply: 'granted' }),
    flush: assign(({ context }) => ({
      disk: { term: context.term, votedFor: context.votedFor },
      reply: 'none' as const,
    })),
    count: assign(({ context, event }) =>
      event.type === 'vote' || event.type === 'preVote'
        ? { ...counted(context, event.from, event.granted), reply: 'none' as const }
        : {},
    ),
    followInNextTerm: assign(({ context, event }) => ({
      ...follow(context, context.term + 1, event.type === 'heartbeat' ? 'b' : null),
      reply: 'none' as const,
    })),
    followThisTerm: assign(({ context }) => ({
      ...follow(context, context.term, 'b'),
      reply: 'none' as const,
    })),
    stepDown: assign(({ context }) => ({ ...follow(context, context.term, null), reply: 'none' as const })),
    /** In the next term, and with the vote for whom asked, if the log allows it. */
    judgeRequestOfNextTerm: assign(({ context, event }) => {
      if (event.type !== 'voteRequest') return {};
      const isGranted = event.log === 'current';
      return {
        ...follow(context, context.term + 1, null),
        votedFor: isGranted ? event.from : null,
        reply: isGranted ? ('granted' as const) : ('refused' as const),
      };
    }),
    /** The wait for a leader begins anew; a known one counts as heard from there, which costs at most one wait. */
    vote: assign(({ context, event }) =>
      event.type === 'voteRequest'
        ? { votedFor: event.from, hears: context.leader !== null, reply: 'granted' as const }
        : {},
    ),
    ask: assign({ leader: null, hears: false, ...NO_CAMPAIGN, reply: 'none' }),
    stand: assign(({ context }) => ({
      term: context.term + 1,
      votedFor: 'self' as const,
      leader: null,
      hears: false,
      ...NO_CAMPAIGN,
      reply: 'none' as const,
    })),
    lead: assign({ leader: 'self', ...NO_CAMPAIGN }),
    restart: assign(({ context: { disk } }) => ({
      ...disk,
      leader: null,
      hears: false,
      ...NO_CAMPAIGN,
      reply: 'none' as const,
    })),
  },
}).createMachine({
  id: 'role',
  context: ({ input }) => ({
    isVoter: input.isVoter,
    term: TERM_FIRST,
    votedFor: null,
    leader: null,
    hears: false,
    ...NO_CAMPAIGN,
    disk: { term: TERM_FIRST, votedFor: null },
    reply: 'none',
  }),
  initial: 'standing by',
  on: {
    crash: { target: '.standing by', actions: 'restart' },
    flush: { actions: 'flush' },
    newerTerm: {
      guard: ({ context }) => context.term < TERM_MAX,
      target: '.standing by',
      actions: 'followInNextTerm',
    },
    heartbeat: [
      { guard: next, target: '.standing by', actions: 'followInNextTerm' },
      {
        guard: ({ context, event }) => event.term === 'old' && context.term > 0,
        actions: 'forgetReply',
      },
    ],
    voteRequest: [
      { guard: isDisturbing, actions: 'forgetReply' },
      { guard: next, target: '.standing by', actions: 'judgeRequestOfNextTerm' },
      // Within a term a candidate and a leader have voted for themselves; for the others see there.
      { guard: ({ event }) => same(event), actions: 'refuse' },
    ],
    preVoteRequest: [
      { guard: isDisturbing, actions: 'forgetReply' },
      // A pre-vote promises nothing: the answer changes nothing.
      { guard: granting, actions: 'grant' },
      { actions: 'refuse' },
    ],
    lateVote: { actions: 'forgetReply' },
    vote: { actions: 'forgetReply' },
    preVote: { actions: 'forgetReply' },
    answer: { actions: 'forgetReply' },
  },
  states: {
    'standing by': {
      always: [{ guard: ({ context }) => context.isVoter, target: 'follower' }, { target: 'learner' }],
    },
    // It votes too: whoever asks may know already that it was made a voter, which it may not have heard yet.
    learner: {
      on: {
        silence: {
          guard: ({ context }) => context.hears,
          actions: [assign({ hears: false }), 'forgetReply'],
        },
        timeout: { actions: 'stepDown' },
        heartbeat: { guard: ({ event }) => same(event), actions: 'followThisTerm' },
        voteRequest: { guard: isFreeToVote, actions: 'vote' },
        takeOver: { actions: 'followThisTerm' },
      },
    },
    follower: {
      on: {
        heartbeat: { guard: ({ event }) => same(event), actions: 'followThisTerm' },
        silence: {
          guard: ({ context }) => context.hears,
          actions: [assign({ hears: false }), 'forgetReply'],
        },
        timeout: { target: 'pre-candidate', actions: 'ask' },
        takeOver: { guard: mayStand, target: 'candidate', actions: 'stand' },
        voteRequest: { guard: isFreeToVote, actions: 'vote' },
      },
    },
    'pre-candidate': {
      always: [
        { guard: ({ context }) => context.yes.length >= 1, target: 'candidate', actions: 'stand' },
        { guard: ({ context }) => context.no.length >= 2, target: 'follower', actions: 'stepDown' },
      ],
      on: {
        timeout: { target: 'pre-candidate', reenter: true, actions: 'ask' },
        heartbeat: { guard: ({ event }) => same(event), target: 'follower', actions: 'followThisTerm' },
        preVote: { actions: 'count' },
        voteRequest: { guard: isFreeToVote, target: 'follower', actions: ['stepDown', 'vote'] },
        takeOver: { guard: mayStand, target: 'candidate', actions: 'stand' },
      },
    },
    candidate: {
      always: [
        { guard: ({ context }) => isWon(context), target: 'leader', actions: 'lead' },
        { guard: ({ context }) => context.no.length >= 2, target: 'follower', actions: 'stepDown' },
      ],
      on: {
        timeout: { target: 'pre-candidate', actions: 'ask' },
        heartbeat: { guard: ({ event }) => same(event), target: 'follower', actions: 'followThisTerm' },
        vote: { actions: 'count' },
        takeOver: { guard: mayStand, target: 'candidate', reenter: true, actions: 'stand' },
      },
    },
    leader: {
      on: {
        answer: { actions: [assign({ answered: true }), 'forgetReply'] },
        timeout: [
          {
            guard: ({ context }) => context.answered,
            actions: [assign({ answered: false }), 'forgetReply'],
          },
          { target: 'follower', actions: 'stepDown' },
        ],
      },
    },
  },
});

export type RoleSnapshot = SnapshotFrom<typeof roleMachine>;

/** What tells two states apart: all but the answer that was given last. */
export function serializeRole({ value, context }: RoleSnapshot): string {
  const { reply: _, ...lasting } = context;
  return JSON.stringify([value, lasting]);
}

/**
 * Whether an event means anything in a state. A campaign beyond the last term would leave the graph; so would a
 * second leader of one term, which election safety excludes.
 */
export function isPossible(snapshot: RoleSnapshot, event: RoleEvent): boolean {
  const { context } = snapshot;
  if (event.type === 'preVote' && event.granted && snapshot.value === 'pre-candidate')
    return context.term < TERM_MAX;
  return snapshot.can(event);
}

import { type LogIndex, logIndex, type NodeId, type Term, TuttiError, term } from '@tutti/kernel';
import { majorityOf } from '../quorum/majority.ts';
import { Configurations } from '../raft/configurations.ts';
import { Electorate } from '../raft/electorate.ts';
import { encodeMembership } from '../raft/membership-codec.ts';
import type { Membership } from '../raft/messages.ts';
import type { LogStore, LogStoreState, WriteCallback } from '../storage/log-store.ts';

/** How far the log of one survivor goes, and what it says of the group. */
export interface SurvivingLog {
  readonly node: NodeId;
  /** The term the node was in. */
  readonly term: Term;
  readonly lastTerm: Term;
  readonly lastIndex: LogIndex;
  /** The latest configuration in it, committed or not. */
  readonly membership: Membership;
  /** The one before that, which is in force if the latest is not committed; the same where there is none. */
  readonly before: Membership;
}

/** What a recovery is going to do. */
export interface RecoveryPlan {
  /** Its log is the truth from now on. */
  readonly chosen: NodeId;
  /** Where, and in which term, the new configuration is written. */
  readonly index: LogIndex;
  readonly term: Term;
  readonly membership: Membership;
  /** Members who are in the group no longer, and may never take part again. */
  readonly dropped: readonly NodeId[];
  /**
   * Whether every majority of the old voters has a survivor in it: then everything that was acknowledged is in the
   * chosen log, by the argument that makes an elected leader complete (Raft paper 5.4.3), if the voters are those that
   * it says. Of four, two can remove a third and go on, and neither that one nor the fourth need have heard of it.
   */
  readonly meetsMajorities: boolean;
}

/**
 * What a store tells of its log.
 * @param initial In force where neither snapshot nor entry says who belongs to the group.
 */
export function survivingLog(
  node: NodeId,
  store: LogStore,
  { hardState, snapshot }: LogStoreState,
  initial: Membership,
): SurvivingLog {
  const configurations = Configurations.of(store, snapshot?.membership ?? initial);
  const { latest } = configurations;
  return {
    node,
    term: hardState.term,
    lastTerm: store.termAt(store.lastIndex) ?? term(0),
    lastIndex: store.lastIndex,
    membership: latest.electorate.membership,
    before: configurations.at(latest.index - 1).electorate.membership,
  };
}

/** Negative where the first log is further (Raft paper 5.4.1). */
const compared = (a: SurvivingLog, b: SurvivingLog): number =>
  b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex;

/** The log that would win an election; of equal ones, that of the first name. */
export function furthest(logs: readonly SurvivingLog[]): SurvivingLog | undefined {
  return logs.toSorted((a, b) => compared(a, b) || (a.node < b.node ? -1 : 1))[0];
}

/**
 * Survivors who can elect one of themselves by what its own log says, and their voters. That need not be the furthest: a
 * configuration that only the furthest has may ask for nodes that are lost, and those before it do not.
 */
function electorsAmong(
  logs: readonly SurvivingLog[],
): { electors: NodeId[]; of: readonly NodeId[] } | undefined {
  for (const candidate of logs.toSorted(compared)) {
    const electorate = new Electorate(candidate.membership);
    const voters = [...electorate.voters];
    const electors = logs
      .filter((log) => electorate.isVoter(log.node) && compared(log, candidate) >= 0)
      .map(({ node }) => node);
    if (electorate.isKnown && electorate.isQuorum((voter) => electors.includes(voter)))
      return { electors, of: voters };
  }
  return undefined;
}

/**
 * How the survivors of a group that has lost its majority for good go on without the others. Nothing in Raft allows
 * this: it is a decision of a person, who knows that the others never come back. What only they had is lost. The log
 * that is furthest becomes the truth and gets one entry more, a configuration of the survivors alone, in a term that
 * none of them has been in; the others keep what they have of it and get the rest. All of it, so also what was never
 * acknowledged: nobody is left who could say what was.
 *
 * It keeps the survivors from the lost ones only if nobody can reach one side from the other: give those who go on
 * another cluster id.
 *
 * @param options `again`: the survivors may be a majority already, because this was begun before.
 * @throws TuttiError `TUTTI_RECOVERY_REFUSED`
 */
export function planRecovery(
  logs: readonly SurvivingLog[],
  options: { readonly again?: boolean } = {},
): RecoveryPlan {
  const names = logs.map(({ node }) => node);
  const refuse = (problem: string) =>
    new TuttiError('TUTTI_RECOVERY_REFUSED', { survivors: names.join(', ') || 'nobody', problem });
  const best = furthest(logs);
  if (!best) throw refuse('no survivor is named');
  if (new Set(names).size < names.length) throw refuse('one is named twice');
  const empty = logs.find(({ lastIndex }) => lastIndex === 0);
  if (empty) throw refuse(`the log of ${empty.node} is empty`);
  const known = new Set(logs.flatMap(({ membership }) => [...new Electorate(membership).members]));
  const stranger = names.find((node) => !known.has(node));
  if (stranger) throw refuse(`${stranger} is no member; the members are ${[...known].join(', ')}`);
  const elected = options.again ? undefined : electorsAmong(logs);
  if (elected)
    throw refuse(
      `${elected.electors.join(', ')} are a majority of ${elected.of.join(', ')}: start them, and remove the others`,
    );
  return {
    chosen: best.node,
    index: logIndex(best.lastIndex + 1),
    term: term(Math.max(...logs.map((log) => Math.max(log.term, log.lastTerm))) + 1),
    membership: membershipOf(names, logs),
    dropped: [...known].filter((node) => !names.includes(node)),
    meetsMajorities:
      options.again !== true &&
      [best.membership, best.before].every((membership) => meetsEveryMajority(membership, names)),
  };
}

/** The survivors as voters, reached where the log says. */
function membershipOf(voters: readonly NodeId[], logs: readonly SurvivingLog[]): Membership {
  const contacts = Object.fromEntries(
    voters.flatMap((node) => {
      const contact = logs
        .map(({ membership }) => membership.contacts?.[node])
        .find((at) => at !== undefined);
      return contact === undefined ? [] : [[node, contact] as const];
    }),
  );
  return { voters, learners: [], ...(Object.keys(contacts).length > 0 ? { contacts } : {}) };
}

/** While joint, what is acknowledged is on a majority of each side: it is enough to meet those of one. */
function meetsEveryMajority({ voters, outgoing }: Membership, survivors: readonly NodeId[]): boolean {
  return [voters, outgoing ?? voters].some((side) => {
    const lost = side.filter((voter) => !survivors.includes(voter));
    return lost.length < majorityOf(side.length);
  });
}

/**
 * Writes what was planned to the end of the chosen log, which is open, and calls back when it is on the disk. The vote
 * of that term goes to the chosen node: no other can lead in it.
 */
export function writeRecovery(store: LogStore, plan: RecoveryPlan, done: WriteCallback): void {
  const { index, term, chosen, membership } = plan;
  const data = encodeMembership(membership);
  store.append(
    { hardState: { term, votedFor: chosen }, entries: [{ index, term, kind: 'membership', data }] },
    done,
  );
}

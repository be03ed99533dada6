import type { NodeId } from '@tutti/kernel';
import type { MembershipStatus, ProposeOptions } from '../consensus.ts';
import type { MemberSpec } from '../raft/membership-change.ts';

/** Everybody that is to belong to a group; at most 64. */
export interface GroupSpec {
  readonly voters: readonly MemberSpec[];
  readonly learners?: readonly MemberSpec[];
}

/** How to add a learner. */
export interface AddLearnerOptions extends ProposeOptions {
  /** It becomes a voter as soon as it has caught up, whoever leads then. Default false. */
  readonly promote?: boolean;
}

/**
 * Changes of who belongs to a group. Each may be asked for at any member: it finds the leader, is carried out once
 * however often it is retried inside, and resolves when the last configuration it needs is committed. One change is
 * under way at a time.
 *
 * Each rejects with TuttiError `TUTTI_MEMBERSHIP_CHANGING`, `TUTTI_MEMBERSHIP_INVALID`, `TUTTI_NO_VOTER_LEFT`,
 * `TUTTI_NO_LEADER`, `TUTTI_OVERLOADED`, `TUTTI_ABORTED` or `TUTTI_CLOSED` when nothing has happened; and with
 * `TUTTI_OUTCOME_UNKNOWN` when it may have: the status tells. `TUTTI_OVERLOADED`: 64 changes of this node wait already,
 * or the leader that is known could not begin it in time, as one cannot that nobody follows.
 */
export interface GroupChanges {
  /**
   * Makes the group consist of these voters and learners, whatever it is now. New voters are added as learners first,
   * and vote once they have caught up; where more than one voter differs, old and new must agree in between (joint
   * consensus, Raft paper 6). `timeoutMs` also bounds the catching up: beyond it, new voters stay learners. If leader
   * and caller are both lost before that, they stay learners as well.
   * @throws TuttiError `TUTTI_MEMBER_BEHIND`: a new voter did not catch up in time; it is a learner now, and the rest of
   * the change was not made
   */
  changeMembership(group: GroupSpec, options?: ProposeOptions): Promise<MembershipStatus>;
  /**
   * Adds a node that receives and applies everything but does not vote; nothing happens if it is a member already.
   * With `promote` this resolves before it is a voter. Rounds of catching up: Raft thesis 4.2.1.
   */
  addLearner(member: MemberSpec, options?: AddLearnerOptions): Promise<MembershipStatus>;
  /**
   * Makes a learner a voter. One that is behind is refused at once: use `addLearner` with `promote` to wait.
   * @throws TuttiError `TUTTI_MEMBER_BEHIND`, `TUTTI_NOT_A_MEMBER`
   */
  promote(node: NodeId, options?: ProposeOptions): Promise<MembershipStatus>;
  /**
   * Takes a voter or learner out of the group, the leader itself too: it goes on until that is committed, and then
   * steps down. The node is told, see `MembershipStatus.standing`; it is not stopped.
   * @throws TuttiError `TUTTI_NOT_A_MEMBER`
   */
  removeMember(node: NodeId, options?: ProposeOptions): Promise<MembershipStatus>;
}

import { type NodeId, TuttiError, unreachable } from '@tutti/kernel';
import { CHANGES_REMEMBERED, membershipProblem } from './membership-codec.ts';
import type { Membership } from './messages.ts';

/** A node as it is to be in the group, and where it is reached, if the layer above wants that known to all. */
export interface MemberSpec {
  readonly node: NodeId;
  /** Opaque text, at most 512 characters. Without it, what is known of the node stays. */
  readonly contact?: string;
}

/** What can be asked for. The members of `set` are all there will be; the others change one node. */
export type MembershipChange =
  | { readonly type: 'set'; readonly voters: readonly MemberSpec[]; readonly learners: readonly MemberSpec[] }
  | { readonly type: 'addLearner'; readonly member: MemberSpec; readonly promote: boolean }
  | { readonly type: 'promote'; readonly node: NodeId }
  | { readonly type: 'remove'; readonly node: NodeId };

/**
 * What the group is to be after `change`, of a configuration that is not joint.
 * @throws TuttiError `TUTTI_NOT_A_MEMBER`, `TUTTI_NO_VOTER_LEFT`, `TUTTI_MEMBERSHIP_INVALID`
 */
export function targetOf(current: Membership, change: MembershipChange): Membership {
  const target = tidied(changed(current, change));
  if (target.voters.length === 0) throw new TuttiError('TUTTI_NO_VOTER_LEFT', { change: change.type });
  return checked(target, change);
}

/** @throws TuttiError `TUTTI_MEMBERSHIP_INVALID` when this configuration of the way to `change` could not be in force */
export function checked(step: Membership, change: MembershipChange): Membership {
  const problem = membershipProblem(step);
  if (problem) throw new TuttiError('TUTTI_MEMBERSHIP_INVALID', { change: change.type, problem });
  return step;
}

function changed(current: Membership, change: MembershipChange): Membership {
  const { voters, learners, promotable = [] } = current;
  switch (change.type) {
    case 'set': {
      const specs = [...change.voters, ...change.learners];
      const sets = { voters: change.voters.map(nodeOf), learners: change.learners.map(nodeOf) };
      return { ...current, ...sets, promotable: [], contacts: contactsWith(current, specs) };
    }
    case 'addLearner': {
      const { member, promote } = change;
      const isMember = voters.includes(member.node) || learners.includes(member.node);
      return {
        ...current,
        learners: isMember ? learners : [...learners, member.node],
        promotable:
          promote && !voters.includes(member.node)
            ? [...without(promotable, member.node), member.node]
            : promotable,
        contacts: contactsWith(current, [member]),
      };
    }
    case 'promote':
      requireMember(current, change.node, 'promoted');
      if (voters.includes(change.node)) return current;
      return promoted(current, [change.node]);
    case 'remove': {
      const { node } = change;
      requireMember(current, node, 'removed');
      return {
        ...current,
        voters: without(voters, node),
        learners: without(learners, node),
        promotable: without(promotable, node),
      };
    }
    default:
      return unreachable(change);
  }
}

const nodeOf = ({ node }: MemberSpec): NodeId => node;
const without = (list: readonly NodeId[], node: NodeId) => list.filter((other) => other !== node);

/** Learners turned into voters. */
export function promoted(current: Membership, nodes: readonly NodeId[]): Membership {
  return {
    ...current,
    voters: [...current.voters, ...nodes],
    learners: current.learners.filter((node) => !nodes.includes(node)),
    promotable: (current.promotable ?? []).filter((node) => !nodes.includes(node)),
  };
}

function requireMember({ voters, learners }: Membership, node: NodeId, what: string): void {
  if (!voters.includes(node) && !learners.includes(node))
    throw new TuttiError('TUTTI_NOT_A_MEMBER', { node, what });
}

/** The contacts of those who are members afterwards: what is known of them, and what is said now. */
function contactsWith({ contacts = {} }: Membership, specs: readonly MemberSpec[]): Record<string, string> {
  const all: Record<string, string> = { ...contacts };
  for (const { node, contact } of specs) if (contact !== undefined) all[node] = contact;
  return all;
}

/**
 * The first configuration on the way to `target`. Where at most one voter differs, any two majorities of old and new
 * share a node, so the new configuration may follow at once (thesis 4.1); otherwise both must agree for a while.
 */
export function firstStep(current: Membership, target: Membership, id: string): Membership {
  const entering = target.voters.filter((node) => !current.voters.includes(node));
  const leaving = current.voters.filter((node) => !target.voters.includes(node));
  const changes = remembered(current, id);
  if (entering.length + leaving.length <= 1) return tidied({ ...target, changes });
  const contacts = { ...current.contacts, ...target.contacts };
  return tidied({ ...target, outgoing: current.voters, contacts, changes });
}

/** C_new, which ends a joint configuration. */
export function lastStep(joint: Membership): Membership {
  const { voters, learners, promotable = [], contacts = {}, changes = [] } = joint;
  return tidied({ voters, learners, promotable, contacts, changes });
}

/** With contacts of members alone. */
function tidied(membership: Membership): Membership {
  const { voters, learners, outgoing = [], contacts = {} } = membership;
  const everyone = new Set<string>([...voters, ...learners, ...outgoing]);
  const kept = Object.entries(contacts).filter(([node]) => everyone.has(node));
  return { ...membership, contacts: Object.fromEntries(kept) };
}

function remembered({ changes = [] }: Membership, id: string): readonly string[] {
  return [...changes.filter((other) => other !== id), id].slice(-CHANGES_REMEMBERED);
}

/** Whether nothing would be different. */
export function isSameGroup(a: Membership, b: Membership): boolean {
  const same = (x: readonly string[] = [], y: readonly string[] = []) =>
    x.length === y.length && x.every((node) => y.includes(node));
  const contacts = (m: Membership) => Object.entries(m.contacts ?? {}).map((pair) => pair.join(' '));
  return (
    same(a.voters, b.voters) &&
    same(a.learners, b.learners) &&
    same(a.promotable, b.promotable) &&
    same(contacts(a), contacts(b))
  );
}

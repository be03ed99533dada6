import { assert, type NodeId, nodeId } from '@tutti/kernel';
import type { MembershipChange } from '../membership-change.ts';
import type { Membership } from '../messages.ts';
import type { ScenarioStep } from './scenario-text.ts';

const specs = (list: string | undefined) =>
  (list ?? '')
    .split(',')
    .filter((name) => name !== '')
    .map((name) => ({ node: nodeId(name) }));

/** The change of the members that a command asks for: `change a voters=a,b`, `learner a d`, `promote a d`, `remove a d`. */
export function changeOf({ verb, words: [, name = ''], settings }: ScenarioStep): MembershipChange {
  switch (verb) {
    case 'change':
      return { type: 'set', voters: specs(settings['voters']), learners: specs(settings['learners']) };
    case 'learner':
      return { type: 'addLearner', member: { node: nodeId(name) }, promote: settings['promote'] === 'on' };
    case 'promote':
      return { type: 'promote', node: nodeId(name) };
    default:
      assert(verb === 'remove', `"${verb}" changes the members`);
      return { type: 'remove', node: nodeId(name) };
  }
}

/** A configuration in few words. */
export function shownMembership({ voters, outgoing = [], learners, promotable = [] }: Membership): string {
  const part = (what: string, names: readonly NodeId[]): string =>
    names.length > 0 ? ` ${what} ${names.join(' ')}` : '';
  const all = part('voters', voters) + part('leaving', outgoing) + part('learners', learners);
  return `goes by${all || ' nothing'}${part('promotable', promotable)}`;
}

import { incarnation, isTuttiError, logIndex, nodeId } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MemberState } from './member.ts';
import { type MemberChange, Membership, type MembershipCommand } from './membership.ts';

const at = (timeMs: number) => ({ index: logIndex(timeMs), timeMs });
const life = (node: string, number: number) => ({ nodeId: nodeId(node), incarnation: incarnation(number) });
const join = (node: string, number: number): MembershipCommand => ({
  type: 'join',
  ...life(node, number),
  labels: {},
});

const commands = fc.record({
  type: fc.constantFrom<MembershipCommand['type']>('join', 'leave', 'left', 'lost'),
  node: fc.constantFrom('n1', 'n2', 'n3'),
  number: fc.integer({ min: 1, max: 4 }),
  by: fc.constantFrom('n1', 'n2', 'n3'),
  byNumber: fc.integer({ min: 1, max: 4 }),
});

function commandOf({
  type,
  node,
  number,
  by,
  byNumber,
}: typeof commands extends fc.Arbitrary<infer T> ? T : never) {
  if (type === 'join') return join(node, number);
  if (type === 'lost')
    return { type, ...life(node, number), by: nodeId(by), byIncarnation: incarnation(byNumber) } as const;
  return { type, ...life(node, number) };
}

/** From which states of the same life each state may follow; a join begins a life. */
const LEGAL: Readonly<Record<MemberState, readonly (MemberState | undefined)[]>> = {
  up: [undefined],
  leaving: ['up'],
  left: ['up', 'leaving'],
  lost: ['up', 'leaving'],
};

describe('membership', () => {
  it('takes only legal steps within a life, ends a life before the next begins, and never goes back to an earlier one', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 60 }), (list) => {
        const membership = new Membership();
        const told = new Map<string, MemberState>();
        const latest = new Map<string, number>();
        list.forEach((given, i) => {
          const before = JSON.stringify(membership.list());
          let changes: readonly MemberChange[] = [];
          try {
            changes = membership.apply(commandOf(given), at(i));
          } catch (thrown) {
            expect(isTuttiError(thrown)).toBe(true);
            expect(JSON.stringify(membership.list())).toBe(before);
          }
          for (const { member, before: was } of changes) {
            const key = `${member.nodeId}/${member.incarnation}`;
            expect(was).toBe(told.get(key));
            expect(LEGAL[member.state]).toContain(was);
            expect(member.incarnation).toBeGreaterThanOrEqual(latest.get(member.nodeId) ?? 0);
            if (member.state === 'up')
              for (const [other, state] of told)
                if (other.startsWith(`${member.nodeId}/`)) expect(['lost', 'left']).toContain(state);
            told.set(key, member.state);
            latest.set(member.nodeId, member.incarnation);
          }
        });
        for (const member of membership.list())
          expect(told.get(`${member.nodeId}/${member.incarnation}`)).toBe(member.state);
      }),
      { numRuns: 300 },
    );
  });

  it('marks the earlier life as lost when a node joins again', () => {
    const membership = new Membership();
    membership.apply(join('n1', 1), at(1));
    const changes = membership.apply(join('n1', 2), at(2));
    expect(changes.map(({ member }) => [member.incarnation, member.state])).toEqual([
      [1, 'lost'],
      [2, 'up'],
    ]);
  });

  it('refuses an accusation by a life that is no member itself', () => {
    const membership = new Membership();
    membership.apply(join('n1', 1), at(1));
    membership.apply(join('n2', 1), at(1));
    membership.apply(join('n1', 2), at(2));
    const accuse = (byIncarnation: number): MembershipCommand => ({
      type: 'lost',
      ...life('n2', 1),
      by: nodeId('n1'),
      byIncarnation: incarnation(byIncarnation),
    });
    expect(() => membership.apply(accuse(1), at(3))).toThrow(/accused by n1/);
    expect(membership.apply(accuse(2), at(3))).toHaveLength(1);
  });

  it('refuses a life that the cluster gave up, and takes the same join twice', () => {
    const membership = new Membership();
    membership.apply(join('n1', 1), at(1));
    membership.apply(join('n2', 1), at(1));
    expect(membership.apply(join('n1', 1), at(2))).toEqual([]);
    membership.apply(
      { type: 'lost', ...life('n1', 1), by: nodeId('n2'), byIncarnation: incarnation(1) },
      at(3),
    );
    expect(() => membership.apply(join('n1', 1), at(4))).toThrow(/is over for the cluster/);
  });

  it('keeps its snapshot as it was when later commands are applied, and restores from it', () => {
    const membership = new Membership();
    membership.apply(join('n1', 1), at(1));
    const parts = membership.snapshot();
    membership.apply(join('n2', 1), at(2));
    const other = new Membership();
    other.restore(parts);
    expect(other.list().map((member) => member.nodeId)).toEqual(['n1']);
  });

  it('refuses what it cannot read without changing anything', () => {
    const membership = new Membership();
    for (const command of [
      null,
      7,
      {},
      { type: 'join' },
      { ...join('n1', 1), incarnation: -1 },
      { ...join('n1', 1), type: 'x' },
    ])
      expect(() => membership.apply(command, at(1))).toThrow();
    expect(membership.list()).toEqual([]);
  });
});

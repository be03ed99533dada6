import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdToChecksum } from '../node/testing/checked-file.ts';
import { Roster } from './roster.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tutti-roster-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the roster of a local cluster', () => {
  it('of a new cluster names its founders, and comes back as it was saved', () => {
    const roster = Roster.open(directory, 3);
    expect(roster.current).toEqual(['n1', 'n2', 'n3']);
    roster.save();
    roster.joins('n4');
    roster.leaves('n2');
    const again = Roster.open(directory, 3);
    expect(again.founders).toEqual(['n1', 'n2', 'n3']);
    expect(again.current).toEqual(['n1', 'n3', 'n4']);
    expect(['n1', 'n4'].map((node) => again.hasJoined(node))).toEqual([false, true]);
    expect(again.freeName()).toBe('n5');
  });

  it('takes a founder that was removed and added again for one that joined: it begins no group', () => {
    const roster = Roster.open(directory, 3);
    roster.leaves('n1');
    roster.checkNew('n1');
    roster.joins('n1');
    expect(roster.current).toEqual(['n2', 'n3', 'n1']);
    expect(roster.hasJoined('n1')).toBe(true);
    expect(Roster.open(directory, 3).current).toEqual(['n2', 'n3', 'n1']);
  });

  it('remembers a removal that was begun, until it is done or has been refused', () => {
    const roster = Roster.open(directory, 3);
    roster.beginsLeaving('n3');
    expect(Roster.open(directory, 3)).toMatchObject({ leaving: 'n3', current: ['n1', 'n2', 'n3'] });
    // Two at a time cannot be remembered.
    expect(() => roster.checkLeaving('n2')).toThrow(
      expect.objectContaining({ code: 'TUTTI_MEMBERSHIP_CHANGING' }),
    );
    roster.checkLeaving('n3');
    roster.stays();
    expect(Roster.open(directory, 3).leaving).toBeUndefined();
    roster.checkLeaving('n2');
    roster.beginsLeaving('n3');
    roster.leaves('n3');
    expect(Roster.open(directory, 3)).toMatchObject({ leaving: undefined, current: ['n1', 'n2'] });
  });

  it('remembers an addition that was begun, until it is done or has been refused', () => {
    const roster = Roster.open(directory, 3);
    roster.beginsJoining('n4', true);
    const again = Roster.open(directory, 3);
    expect(again).toMatchObject({ joining: { node: 'n4', learner: true }, current: ['n1', 'n2', 'n3'] });
    expect([again.hasJoined('n4'), again.freeName()]).toEqual([true, 'n4']);
    // Two at a time cannot be remembered, and what is forgotten may be a voter.
    expect(() => again.checkNew('n5')).toThrow(
      expect.objectContaining({ code: 'TUTTI_MEMBERSHIP_CHANGING' }),
    );
    again.checkNew('n4');
    roster.staysOut();
    roster.checkNew('n5');
    expect(Roster.open(directory, 3).hasJoined('n4')).toBe(false);
    roster.beginsJoining('n4', false);
    roster.joins('n4');
    expect(Roster.open(directory, 3)).toMatchObject({
      joining: undefined,
      current: ['n1', 'n2', 'n3', 'n4'],
    });
    roster.beginsJoining('n5', false);
    roster.leaves('n4');
    expect(roster.joining).toEqual({ node: 'n5', learner: false });
    roster.leaves('n5');
    expect(Roster.open(directory, 3).joining).toBeUndefined();
  });

  it('knows who has been a member, and of whom that is over', () => {
    const roster = Roster.open(directory, 3);
    expect(roster.hasBegun('n1')).toBe(false);
    roster.allBegan();
    expect(['n1', 'n2', 'n4'].map((node) => Roster.open(directory, 3).hasBegun(node))).toEqual([
      true,
      true,
      false,
    ]);
    // Under its name it may come back as a new one.
    roster.leaves('n2');
    expect(Roster.open(directory, 3).hasBegun('n2')).toBe(false);
  });

  it('of survivors has them alone, in a lineage of their own, and no name of another is free', () => {
    const roster = Roster.open(directory, 3);
    roster.joins('n4');
    roster.joins('n5');
    roster.beginsLeaving('n5');
    roster.goesOnWith(['n2', 'n4'], 'of-survivors');
    const again = Roster.open(directory, 2);
    expect(again).toMatchObject({ lineage: 'of-survivors', leaving: undefined, current: ['n2', 'n4'] });
    expect(again.hasJoined('n4')).toBe(true);
    expect(again.founders).toEqual(['n1', 'n2', 'n3']);
    expect(again.freeName()).toBe('n6');
  });

  it('of a cluster that was restored has founders that begin with the same log', () => {
    Roster.found(directory, ['n1', 'n2'], 'restored').save();
    expect(Roster.find(directory)).toMatchObject({ founders: ['n1', 'n2'], lineage: 'restored' });
    expect(Roster.find(join(directory, 'nowhere'))).toBeUndefined();
  });

  it('takes the folders of a directory that has none for its founders, and a folder beside one for nothing', () => {
    for (const name of ['n1', 'n2', 'n3']) mkdirSync(join(directory, name));
    expect(Roster.open(directory, 3).current).toEqual(['n1', 'n2', 'n3']);
    Roster.open(directory, 3).save();
    // What an addition leaves that failed.
    mkdirSync(join(directory, 'n4'));
    expect(Roster.open(directory, 3).current).toEqual(['n1', 'n2', 'n3']);
  });

  it('is opened with as many nodes as there are, or as there were at the beginning', () => {
    const roster = Roster.open(directory, 3);
    roster.joins('n4');
    roster.joins('n5');
    for (const nodes of [3, 5]) expect(Roster.open(directory, nodes).current).toHaveLength(5);
    expect(() => Roster.open(directory, 4)).toThrow(
      expect.objectContaining({ code: 'TUTTI_OPTION_INVALID' }),
    );
  });

  it.each(['n1', 'n01', 'four', '../n4', ''])('refuses %j as the name of a new node', (name) => {
    const check = () => Roster.open(directory, 3).checkNew(name);
    expect(check).toThrow(expect.objectContaining({ code: 'TUTTI_OPTION_INVALID' }));
  });

  it('is not taken with any bit of its file turned, and is without a checksum', () => {
    const made = Roster.found(directory, ['n1', 'n2'], 'restored');
    made.joins('n3');
    const shown = ({ founders, current, lineage }: Roster) => ({ founders, current, lineage });
    const found = () => shown(Roster.find(directory)!);
    expect(found()).toEqual(shown(made));
    holdToChecksum(join(directory, 'roster.json'), 'TUTTI_CONFIG_UNREADABLE', found);
  });

  it('says that its file is spoiled', () => {
    writeFileSync(join(directory, 'roster.json'), '{"founders":["n1"');
    expect(() => Roster.open(directory, 3)).toThrow(
      expect.objectContaining({ code: 'TUTTI_CONFIG_UNREADABLE' }),
    );
  });
});

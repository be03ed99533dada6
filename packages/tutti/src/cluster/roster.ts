import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkedJson } from '@tutti/consensus/file';
import { messageOf, TuttiError } from '@tutti/kernel';
import * as z from 'zod';
import { readChecked } from '../node/read-checked.ts';
import { replaceFile } from '../node/replace-file.ts';

const rosterFile = z.object({
  founders: z.array(z.string()),
  joined: z.array(z.string()),
  removed: z.array(z.string()),
  /** Those that have been members: if one comes without its folder, it does not begin anew. */
  begun: z.array(z.string()).optional(),
  /** Of a cluster that was recovered or restored: what every node of it is to have, also one that joins later. */
  lineage: z.string().optional(),
  /** On its way out: the group is being asked, or has agreed, and the process has not been ended. */
  leaving: z.string().optional(),
  /** On its way in: the group is being asked, or has agreed, and the node does not stand among those that joined. */
  joining: z.object({ node: z.string(), learner: z.boolean() }).optional(),
});
type RosterFile = z.output<typeof rosterFile>;

const NODE_NAME = /^n[1-9]\d{0,5}$/;
/** In the directory of a local cluster: which nodes it has. */
export const ROSTER_FILE = 'roster.json';

/** Whether a node of a local cluster can be called so; its folder is too. */
export const isNodeName = (text: string): boolean => NODE_NAME.test(text);

/**
 * Which nodes a local cluster has, as `roster.json` in its directory keeps it. A node's own log says who votes; this says
 * which processes are to be started, and which of them may begin a group: founders only. One that joined waits to be
 * told, since it must never take an empty log of its own for the beginning.
 */
export class Roster {
  readonly #path: string;
  #file: RosterFile;

  private constructor(path: string, file: RosterFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Reads the roster of a directory, or makes that of a new cluster of `nodes` founders. A directory from before there
   * were rosters has a folder for each founder. Nothing is written.
   * @throws TuttiError `TUTTI_OPTION_INVALID` for another number of nodes, `TUTTI_CONFIG_UNREADABLE`
   */
  static open(directory: string, nodes: number): Roster {
    const path = join(directory, ROSTER_FILE);
    const folders = readdirSync(directory).filter(isNodeName);
    const file = readRoster(path) ?? { founders: folders, joined: [], removed: [] };
    if (file.founders.length === 0) {
      const founders = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
      return new Roster(path, { ...file, founders });
    }
    const roster = new Roster(path, file);
    const has = roster.current.length;
    // With another number of founders, a majority could be one that has never seen what the old one committed.
    if (nodes !== has && nodes !== file.founders.length)
      throw new TuttiError('TUTTI_OPTION_INVALID', {
        option: '--nodes',
        value: nodes,
        expected: `${has}, the nodes that ${directory} has, or another directory with --dir`,
      });
    return roster;
  }

  /** The roster that a directory has, whatever number of nodes. @throws TuttiError `TUTTI_CONFIG_UNREADABLE` */
  static find(directory: string): Roster | undefined {
    const path = join(directory, ROSTER_FILE);
    const file = readRoster(path);
    return file && new Roster(path, file);
  }

  /** That of a cluster whose nodes have been made in this directory, each with the same log. */
  static found(directory: string, founders: readonly string[], lineage: string): Roster {
    const file = { founders: [...founders], joined: [], removed: [], begun: [...founders], lineage };
    return new Roster(join(directory, ROSTER_FILE), file);
  }

  /** Who voted when the group began; it never changes, and each of them is told the same. */
  get founders(): readonly string[] {
    return this.#file.founders;
  }

  /** The nodes to be started. */
  get current(): readonly string[] {
    const { founders, joined, removed } = this.#file;
    const stayed = founders.filter((node) => !removed.includes(node) && !joined.includes(node));
    return [...stayed, ...joined];
  }

  /** Whether this node has had a log. */
  hasBegun(node: string): boolean {
    return this.#file.begun?.includes(node) === true;
  }

  /** The nodes that there are have become members. */
  allBegan(): void {
    const { current } = this;
    if (current.every((node) => this.hasBegun(node))) return;
    this.#file = { ...this.#file, begun: [...current] };
    this.save();
  }

  get lineage(): string | undefined {
    return this.#file.lineage;
  }

  /** The node whose removal was begun, and not ended. */
  get leaving(): string | undefined {
    return this.#file.leaving;
  }

  /** The node that was being added when that was broken off, and as what. */
  get joining(): { readonly node: string; readonly learner: boolean } | undefined {
    return this.#file.joining;
  }

  /** Whether it came later, or is about to, and so may not begin the group. */
  hasJoined(node: string): boolean {
    return this.#file.joined.includes(node) || this.#file.joining?.node === node;
  }

  /** A name that no node has or had. */
  freeName(): string {
    const { founders, joined, removed } = this.#file;
    const numbers = [...founders, ...joined, ...removed].map((name) => Number(name.slice(1)));
    return `n${Math.max(...numbers) + 1}`;
  }

  /**
   * @throws TuttiError `TUTTI_OPTION_INVALID` for a name that is none, or that a node has; `TUTTI_MEMBERSHIP_CHANGING` as
   * long as another node is on its way in, which would be forgotten: the group may count on its vote
   */
  checkNew(node: string): void {
    const { joining } = this.#file;
    if (isNodeName(node) && !this.current.includes(node)) {
      if (!joining || joining.node === node) return;
      throw new TuttiError('TUTTI_MEMBERSHIP_CHANGING', { under: `the addition of ${joining.node}` });
    }
    throw new TuttiError('TUTTI_OPTION_INVALID', {
      option: 'NODE',
      value: node,
      expected: `a name such as ${this.freeName()}, and none of ${this.current.join(', ')}`,
    });
  }

  /**
   * Its addition is begun: the group may count on its vote from when it has agreed, so the next launcher has to start it,
   * whenever this one ends.
   */
  beginsJoining(node: string, learner: boolean): void {
    this.#file = { ...this.#file, joining: { node, learner } };
    this.save();
  }

  /** The group has refused it, or was never asked. */
  staysOut(): void {
    const { joining: _, ...file } = this.#file;
    this.#file = file;
    this.save();
  }

  joins(node: string): void {
    const { joined, removed, joining: _, ...file } = this.#file;
    this.#file = {
      ...file,
      joined: [...joined.filter((name) => name !== node), node],
      removed: removed.filter((name) => name !== node),
    };
    this.save();
  }

  /**
   * @throws TuttiError `TUTTI_MEMBERSHIP_CHANGING` as long as another node is on its way out, which would be forgotten:
   * the next launcher would wait for it
   */
  checkLeaving(node: string): void {
    const { leaving } = this.#file;
    if (leaving === undefined || leaving === node) return;
    throw new TuttiError('TUTTI_MEMBERSHIP_CHANGING', { under: `the removal of ${leaving}` });
  }

  /** Its removal is begun: should the launcher end before it is done, the next one goes on with it. */
  beginsLeaving(node: string): void {
    this.#file = { ...this.#file, leaving: node };
    this.save();
  }

  /** The group has refused to let it go. */
  stays(): void {
    const { leaving, ...file } = this.#file;
    if (leaving === undefined) return;
    this.#file = file;
    this.save();
  }

  /** The group goes on with these alone, and every other node is out. */
  goesOnWith(survivors: readonly string[], lineage: string): void {
    const { leaving: _, joining: __, ...file } = this.#file;
    const out = this.current.filter((node) => !survivors.includes(node));
    this.#file = {
      ...file,
      lineage,
      begun: [...survivors],
      joined: file.joined.filter((node) => survivors.includes(node)),
      removed: [...file.removed.filter((node) => !out.includes(node)), ...out],
    };
    this.save();
  }

  leaves(node: string): void {
    const { joined, removed, leaving: _, begun, joining, ...file } = this.#file;
    this.#file = {
      ...file,
      ...(joining && joining.node !== node ? { joining } : {}),
      ...(begun ? { begun: begun.filter((name) => name !== node) } : {}),
      joined: joined.filter((name) => name !== node),
      removed: [...removed.filter((name) => name !== node), node],
    };
    this.save();
  }

  save(): void {
    replaceFile(this.#path, checkedJson(this.#file));
  }
}

function readRoster(path: string): RosterFile | undefined {
  try {
    return rosterFile.parse(readChecked(readFileSync(path, 'utf8')));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new TuttiError(
      'TUTTI_CONFIG_UNREADABLE',
      { file: path, problem: messageOf(thrown) },
      { cause: thrown },
    );
  }
}

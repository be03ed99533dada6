import type { ApplyContext, ReplicatedModule } from '@tutti/consensus';
import {
  type Incarnation,
  incarnation,
  type NodeId,
  nodeId,
  TuttiError,
  type WireValue,
} from '@tutti/kernel';
import { LEVEL } from './cluster-level.ts';
import { CommandReader } from './command-reader.ts';
import { type Declaration, declarationConflict, readDeclaration } from './declaration.ts';
import type { Member, MemberState } from './member.ts';

/** The name of the module in the log. */
export const MEMBERSHIP = 'membership';
/** Most nodes that are remembered; beyond it a join forgets the one that has been gone longest. */
const MEMBERS_MAX = 1_024;

/** One life of one node. */
export interface Life {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
}

/** What the membership module understands. `by` is the life that accuses; it must be a member itself. */
export type MembershipCommand =
  | (Life & {
      readonly type: 'join';
      readonly labels: Readonly<Record<string, string>>;
      readonly adminUrl?: string;
      readonly level?: number;
      readonly declares?: Declaration;
      /** The lives of members that it has a link to; what it declares is compared with theirs. Undefined for all. */
      readonly linked?: readonly Life[];
    })
  | (Life & { readonly type: 'leave' | 'left' })
  | (Life & { readonly type: 'lost'; readonly by: NodeId; readonly byIncarnation: Incarnation });

/** What happened to one member; a join over an older life that had not ended tells of that life's loss first. */
export interface MemberChange {
  readonly member: Member;
  /** The state of the same life before; undefined for a join. */
  readonly before: MemberState | undefined;
}

/**
 * Who belongs to the cluster, as the log tells it. Within one life: nothing → up → leaving → left, and from up or
 * leaving → lost. A later life begins at up again, whatever became of the one before; an earlier one never returns.
 */
export class Membership implements ReplicatedModule {
  readonly name = MEMBERSHIP;
  readonly #members = new Map<NodeId, Member>();
  #level = 1;

  /** What all members can apply; see `CLUSTER_LEVEL`. */
  get level(): number {
    return this.#level;
  }

  list(): readonly Member[] {
    return [...this.#members.values()];
  }

  get(node: NodeId): Member | undefined {
    return this.#members.get(node);
  }

  /** The members that take work, in order of their names so that every node sees the same list. */
  up(): readonly Member[] {
    return this.list()
      .filter((member) => member.state === 'up')
      .sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  }

  /** Whether this life may still own anything: it is up, or handing over. */
  isAlive(life: Life): boolean {
    const member = this.#members.get(life.nodeId);
    return member?.incarnation === life.incarnation && (member.state === 'up' || member.state === 'leaving');
  }

  /** Whether this life has been given up, or a later one has joined: nothing that it still does counts. */
  isLost(life: Life): boolean {
    const member = this.#members.get(life.nodeId);
    if (member?.incarnation === life.incarnation) return member.state === 'lost';
    return member !== undefined && member.incarnation > life.incarnation;
  }

  apply(command: WireValue, context: ApplyContext): readonly MemberChange[] {
    const reader = new CommandReader(MEMBERSHIP, command);
    const life = readLife(reader);
    switch (reader.text('type')) {
      case 'join':
        return this.#join(life, reader, context.timeMs);
      case 'leave':
        return this.#move(life, 'leaving', ['up'], context.timeMs);
      case 'left':
        return this.#move(life, 'left', ['up', 'leaving'], context.timeMs);
      case 'lost':
        this.#checkAccuser(life, reader);
        return this.#move(life, 'lost', ['up', 'leaving'], context.timeMs);
      default:
        throw reader.invalid(`the type ${reader.text('type')} is unknown`);
    }
  }

  snapshot(): Iterable<WireValue> {
    // Nodes from before there were levels know no such part, and the level is 1 while there are any.
    return this.#level > 1 ? [...this.list(), { clusterLevel: this.#level }] : this.list();
  }

  restore(parts: Iterable<WireValue>): void {
    this.#members.clear();
    this.#level = 1;
    for (const part of parts as Iterable<Member | { readonly clusterLevel: number }>) {
      if ('clusterLevel' in part) this.#level = part.clusterLevel;
      else this.#members.set(part.nodeId, part);
    }
  }

  #join(life: Life, reader: CommandReader, timeMs: number): readonly MemberChange[] {
    const known = this.#members.get(life.nodeId);
    const labels = reader.labels('labels');
    const adminUrl = reader.fields['adminUrl'] === undefined ? undefined : reader.text('adminUrl');
    if (known && known.incarnation >= life.incarnation) {
      // The same join once more: a retry after an unknown outcome.
      if (known.incarnation === life.incarnation && known.state === 'up') return [];
      throw new TuttiError('TUTTI_MEMBER_SUPERSEDED', {
        node: life.nodeId,
        incarnation: life.incarnation,
        why:
          known.incarnation > life.incarnation
            ? `life ${known.incarnation} has joined`
            : `it is ${known.state}`,
      });
    }
    const level = reader.fields['level'] === undefined ? undefined : reader.count('level');
    const given = reader.fields['declares'];
    const declares = given === undefined ? undefined : readDeclaration(new CommandReader(MEMBERSHIP, given));
    this.#checkLevel(life, level ?? 1);
    if (declares) this.#checkFit(life, declares, reader);
    const changes: MemberChange[] = [];
    if (known && (known.state === 'up' || known.state === 'leaving'))
      changes.push({ member: { ...known, state: 'lost', since: timeMs }, before: known.state });
    const member: Member = {
      ...life,
      state: 'up',
      labels,
      ...(adminUrl === undefined ? {} : { adminUrl }),
      ...(declares === undefined ? {} : { declares }),
      ...(level === undefined ? {} : { level }),
      since: timeMs,
    };
    if (!known) this.#makeRoom();
    this.#members.set(life.nodeId, member);
    changes.push({ member, before: undefined });
    this.#raiseLevel();
    return changes;
  }

  #checkLevel({ nodeId: node }: Life, level: number): void {
    if (level < this.#level)
      throw new TuttiError('TUTTI_CLUSTER_LEVEL', { node, level, required: this.#level });
  }

  /**
   * Whether this node can work together with the members that it has a link to. After a crash of all, those in the log
   * are of lives that are over, and nobody is there yet to say so: they must not keep the new ones out.
   */
  #checkFit({ nodeId: node }: Life, declares: Declaration, reader: CommandReader): void {
    if (this.#level < LEVEL.declarations) return;
    const given = reader.fields['linked'] === undefined ? undefined : reader.list('linked').map(readLife);
    const linked = new Map(given?.map((life) => [life.nodeId, life.incarnation]));
    for (const member of this.#members.values()) {
      if (member.nodeId === node || !this.isAlive(member) || !member.declares) continue;
      if (given && linked.get(member.nodeId) !== member.incarnation) continue;
      const { nodeId: name, declares: theirs } = member;
      const conflict = declarationConflict({ nodeId: node, declares }, { nodeId: name, declares: theirs });
      if (conflict) throw conflict;
    }
  }

  /** To what every member can apply now. Never down: what was done at a level cannot be undone. */
  #raiseLevel(): void {
    const alive = [...this.#members.values()].filter((member) => this.isAlive(member));
    if (alive.length === 0) return;
    this.#level = Math.max(this.#level, Math.min(...alive.map((member) => member.level ?? 1)));
  }

  #makeRoom(): void {
    if (this.#members.size < MEMBERS_MAX) return;
    const gone = this.list().filter((member) => member.state === 'lost' || member.state === 'left');
    const oldest = gone.sort((a, b) => a.since - b.since)[0];
    if (!oldest)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: 'The cluster',
        size: this.#members.size,
        limit: MEMBERS_MAX,
      });
    this.#members.delete(oldest.nodeId);
  }

  #move(life: Life, to: MemberState, from: readonly MemberState[], timeMs: number): readonly MemberChange[] {
    const known = this.#members.get(life.nodeId);
    const before = known?.incarnation === life.incarnation ? known.state : undefined;
    if (before === to) return [];
    if (!known || before === undefined || !from.includes(before))
      throw new TuttiError('TUTTI_MEMBER_COMMAND_REFUSED', {
        node: life.nodeId,
        incarnation: life.incarnation,
        to,
        from: before ?? 'not a member',
      });
    const member: Member = { ...known, state: to, since: timeMs };
    this.#members.set(life.nodeId, member);
    this.#raiseLevel();
    return [{ member, before }];
  }

  /** A proposal that was under way while its sender was cut off must not strike when the cut is healed. */
  #checkAccuser(accused: Life, reader: CommandReader): void {
    const by: Life = {
      nodeId: nodeId(reader.text('by')),
      incarnation: incarnation(reader.count('byIncarnation')),
    };
    if (this.isAlive(by)) return;
    throw new TuttiError('TUTTI_MEMBER_COMMAND_REFUSED', {
      node: accused.nodeId,
      incarnation: accused.incarnation,
      to: 'lost',
      from: `accused by ${by.nodeId}, which is no member`,
    });
  }
}

function readLife(reader: CommandReader): Life {
  return { nodeId: nodeId(reader.text('nodeId')), incarnation: incarnation(reader.count('incarnation')) };
}

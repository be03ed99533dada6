import type { Consensus } from '@tutti/consensus';
import { isTuttiError, Listeners, type Logger, messageOf, type NodeId } from '@tutti/kernel';
import type { Member, MemberState, Members } from './member.ts';
import { MEMBERSHIP, type MemberChange, type Membership } from './membership.ts';

type Listener = (member: Member, before: MemberState | undefined) => void;

const isGone = (state: MemberState) => state === 'lost' || state === 'left';

/** The members as this node has applied them. A snapshot's jump is told as the changes it amounts to. */
export class MembersView implements Members {
  readonly #module: Membership;
  readonly #logger: Logger;
  readonly #listeners = new Listeners<Listener>();
  #told = new Map<NodeId, Member>();

  constructor(module: Membership, consensus: Consensus, logger: Logger) {
    this.#module = module;
    this.#logger = logger;
    consensus.watch(MEMBERSHIP, {
      applied: (_, outcome) => {
        if (!isTuttiError(outcome))
          for (const change of outcome as readonly MemberChange[]) this.#tell(change);
      },
      restored: () => this.#restored(),
    });
  }

  list(): readonly Member[] {
    return this.#module.list();
  }

  get(nodeId: NodeId): Member | undefined {
    return this.#module.get(nodeId);
  }

  onChange(listener: Listener): () => void {
    return this.#listeners.add(listener);
  }

  #restored(): void {
    const before = this.#told;
    for (const old of before.values()) {
      const now = this.#module.get(old.nodeId);
      if (now?.incarnation !== old.incarnation && !isGone(old.state))
        this.#tell({ member: { ...old, state: 'lost' }, before: old.state });
    }
    for (const now of this.#module.list()) {
      const old = before.get(now.nodeId);
      const sameLife = old?.incarnation === now.incarnation;
      if (!sameLife || old.state !== now.state)
        this.#tell({ member: now, before: sameLife ? old.state : undefined });
    }
  }

  #tell({ member, before }: MemberChange): void {
    this.#told.set(member.nodeId, member);
    this.#listeners.tell(
      (listener) => listener(member, before),
      (error) => {
        const fields = { node: member.nodeId, problem: messageOf(error) };
        this.#logger.error(fields, 'a listener for members threw');
      },
    );
  }
}

import { messageOf, TuttiError } from '@tutti/kernel';
import type { Snapshot } from 'xstate';
import { type SupervisedCell, Supervision } from '../supervision/supervision.ts';
import { type SupervisorOptions, supervisionOf, supervisionOptions } from '../supervision/supervisor.ts';
import { ChildEnded, ChildUp, type DownReason, type SupervisingCell } from './cell-parts.ts';
import { CellReception } from './cell-reception.ts';
import { persistedOf } from './persisted-selves.ts';

/**
 * A cell as the head of its family: it starts its children, hears how they fare through its system lane, and lets
 * {@link Supervision} say what is to be done.
 */
export abstract class CellFamily<Cell extends SupervisedCell & CellFamily<Cell>> extends CellReception<Cell> {
  children: Map<string, Cell> | undefined;

  abstract fail(error: unknown): void;
  /** Ends it, as having come to its end by itself. */
  abstract finish(how: 'done' | 'stopped'): void;
  /** Goes on stopping its children. */
  protected abstract closeNext(): void;

  /** Starts the children of a supervisor's list, and whoever was spawned under it before it began. */
  protected startFamily(options: SupervisorOptions): void {
    const early = options.strategy === 'dynamic' ? [] : [...(this.children ?? [])];
    for (const [, child] of early) child.holdBack();
    this.core.spawnListed(this as object as SupervisingCell, options);
    if (this.phase !== 'running') return;
    for (const [id, child] of early) {
      this.children!.delete(id); // to come last
      this.children!.set(id, child);
    }
    this.#supervision.startAll();
  }

  get #supervision(): Supervision {
    return (this.rareParts.supervision ??= this.#makeSupervision());
  }

  #makeSupervision(): Supervision {
    const host = {
      clock: this.core.clock,
      random: this.core.random,
      supervisedCells: () => this.children?.values() ?? [],
      escalate: (child: SupervisedCell, error: unknown) => this.#escalate(child, error),
      onAllUp: () => this.reportUp(),
      shutDown: () => this.finish('done'),
    };
    return new Supervision(host, supervisionOptions(supervisionOf(this.logic)));
  }

  /** Nothing is restarted any more; another life of this actor counts anew. */
  protected endSupervision(): void {
    if (!this.rare?.supervision) return;
    this.rare.supervision.cancel();
    this.rare.supervision = undefined;
  }

  /** It and its family are up. Only a supervisor that waits for that needs to know. */
  reportUp(): void {
    const above = this.parent as CellFamily<Cell> | undefined;
    const child = this as object as SupervisedCell;
    if (above?.rare?.supervision?.awaitsStart(child)) above.signal(new ChildUp(child));
  }

  /** Called by a child at its end. Only a parent that it concerns needs a turn. */
  endedBelow(child: Cell): void {
    if (this.rare?.closing || this.rare?.supervision?.concerns(child)) this.signal(new ChildEnded(child));
  }

  /** Everything below ends now, deepest first. */
  protected endBelow(): void {
    const order: Cell[] = [...(this.children?.values() ?? [])];
    for (let i = 0; i < order.length; i++)
      for (const child of order[i]!.children?.values() ?? []) order.push(child);
    for (const cell of order.reverse()) cell.terminate('stopped');
  }

  onChildUp(child: SupervisedCell): void {
    if (this.phase === 'running') this.rare?.supervision?.onUp(child);
  }

  onChildEnded(child: SupervisedCell): void {
    if (this.phase === 'running') this.rare?.supervision?.onEnded(child);
    const closing = this.rare?.closing;
    if (closing && (closing.awaited === child || closing.isAtOnce)) this.closeNext();
  }

  onChildDown(child: SupervisedCell, how: DownReason, error: unknown): void {
    if (this.phase !== 'running') return;
    // A supervisor that is to stop has nothing else to do than that; any other actor may still need its children.
    if (this.stopRequested && supervisionOf(this.logic)) return;
    this.#supervision.onDown(child, how, error);
  }

  #escalate(child: SupervisedCell, error: unknown): void {
    const cause = error ?? this.#endedTooOften(child);
    if (this.isGuardian && this.core.reportEscalation(child.address, cause) === 'restart')
      return this.#supervision.beginAnew(child);
    child.terminate('failed', cause);
    if (!this.isGuardian) this.fail(cause);
  }

  #endedTooOften(child: SupervisedCell): TuttiError {
    const problem = 'it came to its end more often than its restart intensity allows';
    return new TuttiError('TUTTI_ACTOR_FAILED', { address: child.address, problem });
  }

  /** For a restart from it, if that is the policy. */
  protected keepForRestart(snapshot: Snapshot<unknown> | undefined): void {
    if (this.policy === false || this.policy.restartFrom !== 'snapshot') return;
    if (snapshot?.status !== 'active') return;
    try {
      this.rareParts.kept = persistedOf(this.logic, snapshot);
    } catch (error) {
      this.rareParts.kept = undefined;
      const fields = { actor: this.address, problem: messageOf(error) };
      this.core.logger.error(fields, 'a snapshot cannot be kept: the actor begins afresh');
    }
  }
}

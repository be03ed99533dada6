import type { AnyActorLogic } from 'xstate';
import type { ChildPolicy } from '../supervision/policy.ts';
import type { CellCore, CellSettings } from './cell-parts.ts';
import type { Address } from './ref.ts';

/** What a cell is for as long as it exists: its name, its place in the tree, what it was spawned with. */
export class CellPlace {
  readonly core: CellCore;
  readonly id: string;
  readonly parent: CellPlace | undefined;
  readonly logic: AnyActorLogic;
  readonly settings: CellSettings;
  /** Tells it from everybody who lived, or will live, at the same path. A restart is the same actor and keeps it. */
  readonly uid: number;

  constructor(
    core: CellCore,
    id: string,
    parent: CellPlace | undefined,
    logic: AnyActorLogic,
    settings: CellSettings,
  ) {
    this.core = core;
    this.id = id;
    this.parent = parent;
    this.logic = logic;
    this.settings = settings;
    this.uid = core.nextUid();
  }

  get isGuardian(): boolean {
    return this.parent === undefined;
  }

  /** Of an entity: the address by which others know it. */
  get entity(): Address | undefined {
    return this.settings.keeper?.entity;
  }

  get policy(): ChildPolicy | false {
    return this.settings.policy;
  }

  /** The ids from the top, joined by `/`. Computed by walking up, so that idle actors keep no text. */
  get path(): string {
    const ids: string[] = [];
    if (this.parent) ids.push(this.id);
    for (let cell = this.parent; cell?.parent; cell = cell.parent) ids.push(cell.id);
    return ids.reverse().join('/');
  }

  get address(): Address {
    return this.settings.address ?? `${this.core.prefix}${this.path}#${this.uid}`;
  }
}

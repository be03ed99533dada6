import { isTuttiError, type Logger, messageOf } from '@tutti/kernel';
import { hydrate, type VersionedLogic } from '../actor/migration.ts';
import type { Ref } from '../actor/ref.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import type { HydratedState } from './activation.ts';
import type { EntityState } from './entity-states.ts';

interface HydrationOptions {
  readonly logger: Logger;
  readonly makeRef: (address: string) => Ref;
}

/** Makes stored states of entities fit for the present code, and says why when they are not. */
export class Hydration {
  readonly #options: HydrationOptions;
  /** Kinds with codes that have been told: every message to every such entity would tell it again. */
  readonly #told = new Set<string>();

  constructor(options: HydrationOptions) {
    this.#options = options;
  }

  /** @throws TuttiError `TUTTI_SNAPSHOT_*` */
  hydrate(state: EntityState, { identity, migrate }: VersionedLogic): HydratedState {
    const { kind, key, logic, snapshot } = state;
    const overRefs: VersionedLogic = {
      identity,
      migrate:
        migrate &&
        ((from, to) => {
          const decoded = decodeRefs(from.snapshot, this.#options.makeRef);
          return encodeRefs(migrate({ ...from, snapshot: decoded }, to));
        }),
    };
    try {
      return { state, ...hydrate(`${kind}/${key}`, snapshot, logic, overRefs) };
    } catch (thrown) {
      this.tell(kind, thrown);
      throw thrown;
    }
  }

  /** Logs why entities of a kind do not start, once for each code. */
  tell(kind: string, thrown: unknown): void {
    const code = isTuttiError(thrown) ? thrown.code : '';
    if (this.#told.has(`${kind} ${code}`)) return;
    this.#told.add(`${kind} ${code}`);
    this.#options.logger.error({ kind, code, problem: messageOf(thrown) }, 'entities cannot be started');
  }
}

import { TuttiError } from '@tutti/kernel';
import type { ProposeOptions } from '../consensus.ts';
import type { LogStore, StoredSnapshot } from '../storage/log-store.ts';
import type { Replica } from './replica.ts';

/** A state that stays readable while the replica goes on; {@link release} it when it has been read. */
export interface HeldState {
  readonly snapshot: StoredSnapshot;
  readonly release: () => void;
}

export type HoldCallback = (failure: Error | undefined, held?: HeldState) => void;

/** Waits for all that was acknowledged before the call, writes a snapshot of that, and keeps it readable. */
export function holdState(
  replica: Pick<Replica, 'readBarrierWith' | 'takeSnapshotWith'>,
  store: LogStore,
  options: ProposeOptions | undefined,
  done: HoldCallback,
): void {
  replica.readBarrierWith(options, (unconfirmed) => {
    if (unconfirmed) return done(unconfirmed);
    replica.takeSnapshotWith((failure) => {
      const snapshot = failure ? undefined : store.snapshot();
      if (!snapshot) return done(failure ?? new TuttiError('TUTTI_CLOSED', { what: 'The log store' }));
      done(undefined, { snapshot, release: snapshot.hold() });
    });
  });
}

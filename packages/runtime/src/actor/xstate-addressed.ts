import type { Address, Ref, Terminated } from './ref.ts';
import type { HostedSystem, HostingCell } from './xstate-self.ts';

/**
 * What makes a `self` a ref as well, so that one that is sent along, as in `replyTo: self`, is a ref wherever it comes
 * to. Part of `xstate-self.ts`. `stop` and `subscribe` are those of XState, for its holders expect them.
 */
export abstract class AddressedSelf {
  abstract readonly cell: HostingCell;
  abstract readonly system: HostedSystem;

  get address(): Address {
    return this.cell.address;
  }

  /** The same actor as others know it: it outlives this life, and can be kept. */
  get asRef(): Ref {
    return this.system.runtime.ref(this.address);
  }

  ask<Reply = unknown>(...asked: Parameters<Ref['ask']>): Promise<Reply> {
    return this.asRef.ask<Reply>(...asked);
  }

  watch(listener: (notice: Terminated) => void): () => void {
    return this.asRef.watch(listener);
  }
}

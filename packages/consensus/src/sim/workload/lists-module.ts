import { TuttiError, type WireValue } from '@tutti/kernel';
import type { ApplyContext, ReplicatedModule } from '../../consensus.ts';

/** Appends `serial` to the list `key`, and is answered with its place; a negative serial is refused. */
export interface AppendCommand {
  readonly key: string;
  readonly serial: number;
}

/** The workload's state machine: named lists of serials that only grow. */
export class ListsModule implements ReplicatedModule {
  readonly name = 'lists';
  readonly lists = new Map<string, number[]>();
  readonly #onApplied: (context: ApplyContext, what: string) => void;

  /** @param onApplied Told of each command with its result, as text. */
  constructor(onApplied: (context: ApplyContext, what: string) => void) {
    this.#onApplied = onApplied;
  }

  apply(command: WireValue, context: ApplyContext): WireValue {
    const { key, serial } = command as AppendCommand;
    if (serial < 0) {
      this.#onApplied(context, `${serial} refused`);
      throw new TuttiError('TUTTI_ABORTED', { what: 'A command that is to be refused' });
    }
    let list = this.lists.get(key);
    if (!list) this.lists.set(key, (list = []));
    list.push(serial);
    this.#onApplied(context, `${key}[${list.length - 1}] = ${serial} at ${context.timeMs}`);
    return list.length - 1;
  }

  snapshot(): Iterable<WireValue> {
    return [...this.lists].map(([key, list]) => [key, [...list]]);
  }

  restore(parts: Iterable<WireValue>): void {
    this.lists.clear();
    for (const part of parts) {
      const [key, list] = part as [string, number[]];
      this.lists.set(key, [...list]);
    }
  }

  /** The whole state as text, equal on two nodes exactly if their states are. */
  shown(): string {
    return JSON.stringify([...this.lists].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

import { TuttiError } from '@tutti/kernel';
import type { AddedNode, AddNodeOptions, Launcher } from './launcher.ts';
import type { FromNode, LauncherAnswer, LauncherRequest } from './process-messages.ts';

/** Requests that may wait for the launcher. */
const WAITING_MAX = 64;

/** The launcher, as a node process sees it: over the channel that it was forked with. */
export class LauncherLink implements Launcher {
  readonly #tell: (message: FromNode) => Promise<void>;
  readonly #waiting = new Map<number, PromiseWithResolvers<AddedNode | undefined>>();
  #count = 0;

  /** @param tell Sends to the launcher. */
  constructor(tell: (message: FromNode) => Promise<void>) {
    this.#tell = tell;
  }

  async add(options: AddNodeOptions = {}): Promise<AddedNode> {
    return (await this.#ask({ verb: 'add', options }))!;
  }

  async remove(node: string): Promise<void> {
    await this.#ask({ verb: 'remove', node });
  }

  /** The launcher has answered. */
  answered({ id, error, added }: LauncherAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(TuttiError.fromJSON(error));
    else waiting?.resolve(added);
  }

  #ask(request: LauncherRequest): Promise<AddedNode | undefined> {
    const { size } = this.#waiting;
    if (size >= WAITING_MAX)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: 'The queue for the launcher',
        size,
        limit: WAITING_MAX,
      });
    const id = ++this.#count;
    const waiting = Promise.withResolvers<AddedNode | undefined>();
    this.#waiting.set(id, waiting);
    void this.#tell({ type: 'request', id, request });
    return waiting.promise;
  }
}

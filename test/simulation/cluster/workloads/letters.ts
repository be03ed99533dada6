import { isTuttiError } from '@tutti/kernel';
import { reply } from 'tutti';
import type { TestNodeSetup } from 'tutti/testing';
import { assign, fromCallback, setup } from 'xstate';
import { insist, throughEach, type Use, type Workload } from './workload.ts';

type BookEvent =
  | { readonly type: 'enter'; readonly by: string; readonly number: number }
  | { readonly type: 'show' };

/** One life of a node with its channels to the books. */
interface Writer {
  readonly name: string;
  readonly life: number;
  readonly address: string;
  /** By key, how many have been written. */
  readonly written: Map<string, number>;
  /** By key, the last that was confirmed. */
  readonly confirmed: Map<string, number>;
  open: number;
}

const KEYS = 2;
const EVERY_MS = 60;
const PROMISE = 'a reliable channel delivers once, in order';

/** Channels from every life of every node to durable entities, which move and are killed meanwhile. */
export class Letters implements Workload {
  /** The present life's by node. */
  readonly #writers = new Map<string, Writer>();
  readonly #all = new Map<string, Writer>();
  #breaks: (problem: string) => void = () => {};

  declare(node: TestNodeSetup): void {
    const book = setup({
      types: { context: {} as { entries: readonly string[] }, events: {} as BookEvent },
    }).createMachine({
      context: { entries: [] },
      on: {
        enter: {
          actions: assign({
            entries: ({ context, event }) => [...context.entries, `${event.by} ${event.number}`],
          }),
        },
        show: { actions: reply(({ context }) => context.entries) },
      },
    });
    node.entity('book', book);
    this.#addWriter(node);
  }

  #addWriter(node: TestNodeSetup): void {
    const name = `${node.id}/${node.incarnation}`;
    const channels = new Map<string, ReturnType<typeof node.parts.system.reliable>>();
    const channelTo = (key: string) => {
      let channel = channels.get(key);
      if (!channel)
        channels.set(key, (channel = node.parts.system.reliable(node.ref('book', key), { retryMs: 60 })));
      return channel;
    };
    const { address } = node.spawn(
      fromCallback<{ type: 'write'; key: string }>(({ receive }) => {
        receive(({ key }) => {
          const number = (writer.written.get(key) ?? 0) + 1;
          writer.written.set(key, number);
          writer.open++;
          channelTo(key)
            .send({ type: 'enter', by: name, number } as BookEvent)
            .then(
              () => {
                writer.open--;
                // A receipt that is lost comes again later than those behind it: only what is handled has an order.
                writer.confirmed.set(key, Math.max(number, writer.confirmed.get(key) ?? 0));
              },
              (thrown: unknown) => {
                writer.open--;
                // Of a node that stops nothing more is sent.
                if (!isTuttiError(thrown, 'TUTTI_CLOSED'))
                  this.#breaks(`letter ${number} of ${name} to ${key} was given up: ${String(thrown)}`);
              },
            );
        });
      }),
    );
    const writer: Writer = {
      name,
      life: node.incarnation,
      address,
      written: new Map(),
      confirmed: new Map(),
      open: 0,
    };
    this.#writers.set(node.id, writer);
    this.#all.set(name, writer);
  }

  work(use: Use): Promise<void> {
    this.#breaks = (problem) => use.oracle.breaks(PROMISE, problem);
    return throughEach(use, EVERY_MS, (node) => {
      const key = `book${use.random.integer(1, KEYS)}`;
      const { address } = this.#writers.get(node.id)!;
      node.ref<{ type: 'write'; key: string }>(address).send({ type: 'write', key });
    });
  }

  async check(use: Use, limitMs: number): Promise<void> {
    const { cluster } = use;
    const living = cluster.nodes.map(({ id }) => this.#writers.get(id)!);
    const waiting = (): Writer | undefined => living.find(({ open }) => open > 0);
    await cluster.until(() => waiting() === undefined, limitMs).catch(() => {});
    const stuck = waiting();
    if (stuck) this.#breaks(`${stuck.open} letters of ${stuck.name} were never confirmed`);
    for (let number = 1; number <= KEYS; number++) {
      const key = `book${number}`;
      const entries = await insist<string[]>(
        use,
        cluster.nodes[0]!,
        ['book', key],
        { type: 'show' },
        limitMs,
      );
      use.oracle.counts.letters += entries.length;
      this.#judge(key, entries);
    }
  }

  #judge(key: string, entries: readonly string[]): void {
    const last = new Map<string, number>();
    for (const entry of entries) {
      const [name = '', text] = entry.split(' ');
      const number = Number(text);
      const before = last.get(name) ?? 0;
      if (number !== before + 1) this.#breaks(`${key} has ${number} of ${name} after ${before}`);
      last.set(name, number);
    }
    for (const { name, confirmed } of this.#all.values())
      if ((confirmed.get(key) ?? 0) > (last.get(name) ?? 0))
        this.#breaks(
          `${key} ends with ${last.get(name)} of ${name}, which was told of ${confirmed.get(key)}`,
        );
  }
}

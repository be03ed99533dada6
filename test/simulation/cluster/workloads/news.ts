import type { TestNode, TestNodeSetup } from 'tutti/testing';
import { fromCallback } from 'xstate';
import type { Oracle } from '../oracle.ts';
import { throughEach, type Use, type Workload } from './workload.ts';

type ReporterEvent =
  | { readonly type: 'publish'; readonly number: number }
  | { readonly type: 'news'; readonly by: string; readonly number: number };

/** The actor of one life of a node that publishes and is subscribed. */
interface Reporter {
  readonly name: string;
  readonly node: string;
  readonly life: number;
  readonly address: string;
  published: number;
  /** By publisher, the numbers that came. */
  readonly heard: Map<string, number[]>;
}

const EVERY_MS = 80;
/** Who is there for so long before and after an event has been linked all the time, when nodes only come and go in order. */
const STEADY_MS = 1_500;
const PROMISE = 'a subscriber gets each event once, in order';

/** Everybody publishes to one topic and is subscribed to it. */
export class News implements Workload {
  readonly #oracle: Oracle;
  readonly #calm: boolean;
  readonly #reporters = new Map<string, Reporter>();

  constructor(oracle: Oracle, calm: boolean) {
    this.#oracle = oracle;
    this.#calm = calm;
  }

  declare(node: TestNodeSetup): void {
    const topic = node.parts.cluster.topic<ReporterEvent>('news');
    const name = `${node.id}/${node.incarnation}`;
    const actor = node.spawn(
      fromCallback<ReporterEvent>(({ receive }) => {
        receive((event) => {
          if (event.type === 'news') this.#heard(reporter, event.by, event.number);
          else topic.publish({ type: 'news', by: name, number: event.number });
        });
      }),
    );
    const { address } = actor;
    topic.subscribe(actor);
    const reporter: Reporter = {
      name,
      node: node.id,
      life: node.incarnation,
      address,
      published: 0,
      heard: new Map(),
    };
    this.#reporters.set(node.id, reporter);
  }

  #heard({ name, heard }: Reporter, by: string, number: number): void {
    this.#oracle.counts.news++;
    const numbers = heard.get(by) ?? [];
    heard.set(by, numbers);
    const last = numbers.at(-1) ?? 0;
    if (number <= last) this.#oracle.breaks(PROMISE, `${name} got ${number} of ${by} after ${last}`);
    numbers.push(number);
  }

  work(use: Use): Promise<void> {
    return throughEach(use, EVERY_MS, (node) => {
      const publisher = this.#reporters.get(node.id)!;
      const number = ++publisher.published;
      node.ref<ReporterEvent>(publisher.address).send({ type: 'publish', number });
      if (this.#calm && isSteady(node)) this.#expect(use, node, publisher, number);
    });
  }

  /** Who took part before and still does afterwards has got it. */
  #expect({ cluster }: Use, node: TestNode, publisher: Reporter, number: number): void {
    const there = cluster.nodes.filter(isSteady).map(({ id }) => this.#reporters.get(id)!);
    cluster.after(STEADY_MS, () => {
      if (node.incarnation !== publisher.life || !isSteady(node)) return;
      for (const { name, node: id, life, heard } of there) {
        const subscriber = cluster.node(id);
        if (subscriber.incarnation !== life || !isSteady(subscriber)) continue;
        if (!heard.get(publisher.name)?.includes(number))
          this.#oracle.breaks(PROMISE, `${name} did not get ${number} of ${publisher.name}`);
      }
    });
  }

  async check({ cluster }: Use): Promise<void> {
    await cluster.sleep(2 * STEADY_MS);
  }
}

/** Whether a node takes part, as all see it who run. */
function isSteady(node: TestNode): boolean {
  return node.isMember && node.members().find(({ nodeId }) => nodeId === node.id)?.state === 'up';
}

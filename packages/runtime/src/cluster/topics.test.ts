import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { checkTopic, TopicTree } from './topic-pattern.ts';

const NAMES = ['n1', 'n2', 'n3'];

async function started(): Promise<ClusterHarness> {
  const harness = new ClusterHarness(NAMES, () => {});
  await harness.start();
  return harness;
}

function listener(harness: ClusterHarness, name: string) {
  const got: string[] = [];
  const logic = fromTransition((_: undefined, event: EventObject) => {
    if (event.type !== 'xstate.stop') got.push(event.type);
    return undefined;
  }, undefined);
  const ref: Ref = harness.node(name).system.spawn(logic);
  return { got, ref };
}

describe('a topic', () => {
  it('reaches every subscriber on every node, in order, and nobody else', async () => {
    const harness = await started();
    const listeners = NAMES.map((name) => ({ name, ...listener(harness, name) }));
    for (const { name, ref } of listeners) harness.node(name).cluster.topic('orders.new').subscribe(ref);
    const other = listener(harness, 'n1');
    harness.node('n1').cluster.topic('orders.old').subscribe(other.ref);
    const events = Array.from({ length: 50 }, (_, i) => `e${i}`);
    for (const type of events) harness.node('n2').cluster.topic('orders.new').publish({ type });
    await harness.pass(100);
    for (const { got } of listeners) expect(got).toEqual(events);
    expect(other.got).toEqual([]);
  });

  it('matches patterns: one part, or one or more at the end', async () => {
    const harness = await started();
    const { cluster } = harness.node('n1');
    const by: Record<string, string[]> = {};
    for (const pattern of ['orders.*', 'orders.**', '*.new', '**', 'orders.new', 'orders']) {
      const { got, ref } = listener(harness, 'n1');
      by[pattern] = got;
      cluster.topic(pattern).subscribe(ref);
    }
    for (const name of ['orders', 'orders.new', 'orders.new.eu', 'users.new'])
      harness.node('n3').cluster.topic(name).publish({ type: name });
    await harness.pass(100);
    expect(by).toEqual({
      'orders.*': ['orders.new'],
      'orders.**': ['orders.new', 'orders.new.eu'],
      '*.new': ['orders.new', 'users.new'],
      '**': ['orders', 'orders.new', 'orders.new.eu', 'users.new'],
      'orders.new': ['orders.new'],
      orders: ['orders'],
    });
  });

  it('ends a subscription when it is taken back, and when the subscriber ends, and tells', async () => {
    const harness = await started();
    const topic = harness.node('n1').cluster.topic('t');
    const [one, two] = [listener(harness, 'n1'), listener(harness, 'n2')];
    const ended: string[] = [];
    const end = topic.subscribe(one.ref);
    topic.subscribe(harness.node('n1').system.ref(two.ref.address), {
      onEnded: (reason) => ended.push(reason),
    });
    topic.publish({ type: 'a' });
    await harness.pass(50);
    end();
    await harness.settle(two.ref.stop());
    await harness.pass(50);
    topic.publish({ type: 'b' });
    await harness.pass(50);
    expect([one.got, two.got, ended]).toEqual([['a'], ['a'], ['gone']]);
    expect(harness.node('n2').system.deadLetters.counts()).toMatchObject({ 'unknown-actor': 0, stopped: 0 });
  });

  it('counts an actor that subscribes twice to one name once, until both have taken it back', async () => {
    const harness = await started();
    const { got, ref } = listener(harness, 'n1');
    const topic = harness.node('n1').cluster.topic('t');
    const [first, second] = [topic.subscribe(ref), topic.subscribe(ref)];
    const publish = async (type: string) => {
      topic.publish({ type });
      await harness.pass(20);
    };
    await publish('a');
    first();
    first();
    await publish('b');
    second();
    await publish('c');
    topic.subscribe(ref);
    second();
    await publish('d');
    expect(got).toEqual(['a', 'b', 'd']);
  });

  it('does not wait for a slow subscriber: it misses events, or loses its subscription, and the others do not', async () => {
    const harness = await started();
    const topic = harness.node('n1').cluster.topic('t');
    const [slow, slower, quick] = [1, 2, 3].map(() => listener(harness, 'n1'));
    await harness.pass(10);
    const ended: string[] = [];
    topic.subscribe(slow!.ref, { waitingMax: 5 });
    topic.subscribe(slower!.ref, {
      waitingMax: 5,
      whenSlow: 'unsubscribe',
      onEnded: (why) => ended.push(why),
    });
    topic.subscribe(quick!.ref);
    for (let i = 0; i < 20; i++) topic.publish({ type: `e${i}` });
    await harness.pass(10);
    topic.publish({ type: 'last' });
    await harness.pass(10);
    expect(slow!.got).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'last']);
    expect(slower!.got).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
    expect(quick!.got).toHaveLength(21);
    expect(ended).toEqual(['slow']);
    expect(harness.node('n1').system.deadLetters.counts()['slow-subscriber']).toBe(16);
  });

  it('is a ref too, which may be sent elsewhere', async () => {
    const harness = await started();
    const { got, ref } = listener(harness, 'n3');
    harness.node('n3').cluster.topic('t').subscribe(ref);
    const asRef = harness.node('n1').system.ref(harness.node('n1').cluster.topic('t').address);
    asRef.send({ type: 'hello' });
    await harness.pass(50);
    expect(got).toEqual(['hello']);
    await expect(harness.settle(asRef.ask({ type: 'x' }))).rejects.toMatchObject({
      code: 'TUTTI_ACTOR_UNKNOWN',
    });
    harness.node('n1').system.ref('topic:t.*').send({ type: 'nowhere' });
    expect(harness.node('n1').system.deadLetters.counts()['unknown-actor']).toBe(1);
  });

  it('gives an event out to very many in slices: to those who were subscribed, in the order of the events', async () => {
    const harness = new ClusterHarness(['n1'], () => {});
    await harness.start();
    const { cluster, system } = harness.node('n1');
    const topic = cluster.topic('t');
    const perTurn = [0];
    const { clock } = system;
    const nextTurn = clock.nextTurn.bind(clock);
    clock.nextTurn = (action) =>
      nextTurn(() => {
        perTurn.push(0);
        action();
      });
    /** Does nothing but note what it gets. */
    const subscribe = (name: string) => {
      const got: string[] = [];
      const send = ({ type }: EventObject) => {
        got.push(type);
        perTurn[perTurn.length - 1]!++;
      };
      const stub = { address: name, send, watch: () => () => {} } as Partial<Ref> as Ref;
      return { got, end: topic.subscribe(stub) };
    };
    const many = Array.from({ length: 4_500 }, (_, i) => subscribe(`s${i}`));
    topic.publish({ type: 'a' });
    expect(perTurn).toEqual([2_000]);
    topic.publish({ type: 'b' });
    expect(perTurn, 'the second waits for the first').toEqual([2_000]);
    const late = subscribe('late');
    topic.publish({ type: 'c' });
    many[4_400]!.end();
    await harness.pass(10);
    expect(Math.max(...perTurn)).toBe(2_000);
    const wrong = many.filter(({ got }, i) => got.join() !== (i === 4_400 ? '' : 'a,b,c'));
    expect(wrong).toEqual([]);
    expect(late.got).toEqual(['c']);
  });

  it('holds 10,000 events while they are given out; one more is a dead letter', async () => {
    const harness = new ClusterHarness(['n1'], () => {});
    await harness.start();
    const { cluster, system } = harness.node('n1');
    const topic = cluster.topic('t');
    const stub = (name: string) =>
      ({ address: name, send() {}, watch: () => () => {} }) as Partial<Ref> as Ref;
    const ends = Array.from({ length: 2_001 }, (_, i) => topic.subscribe(stub(`s${i}`)));
    for (let n = 0; n < 10_000; n++) topic.publish({ type: 'x' });
    expect(system.deadLetters.counts()['overflow-new']).toBe(0);
    topic.publish({ type: 'x' });
    expect(system.deadLetters.counts()['overflow-new']).toBe(1);
    for (const end of ends) end();
    await harness.pass(10);
    const { got, ref } = listener(harness, 'n1');
    topic.subscribe(ref);
    topic.publish({ type: 'next' });
    await harness.pass(10);
    expect(got).toEqual(['next']);
  });

  it('reaches those behind a ref that throws', async () => {
    const harness = await started();
    const topic = harness.node('n1').cluster.topic('t');
    const send = () => {
      throw new Error('no ref should');
    };
    topic.subscribe({ address: 'bad', send, watch: () => () => {} } as Partial<Ref> as Ref);
    const { got, ref } = listener(harness, 'n1');
    topic.subscribe(ref);
    for (const type of ['a', 'b']) topic.publish({ type });
    await harness.pass(10);
    expect(got).toEqual(['a', 'b']);
  });

  it('is no subscriber of another, nor of itself: those would never come to rest', async () => {
    const harness = await started();
    const { cluster, system } = harness.node('n1');
    for (const name of ['a', 'b'])
      expect(() => cluster.topic('a').subscribe(system.ref(cluster.topic(name).address))).toThrow(
        /subscriber does not take "topic:/,
      );
  });

  it.each(['', '.', 'a..b', 'a b', 'a.**.b', 'x'.repeat(300)])('refuses the name "%s"', async (name) => {
    const harness = new ClusterHarness(['n1'], () => {});
    await harness.start();
    expect(() => harness.node('n1').cluster.topic(name)).toThrow(/is not usable/);
  });
});

describe('a tree of patterns', () => {
  const part = fc.constantFrom('a', 'b', 'c');
  const topic = fc.array(part, { minLength: 1, maxLength: 4 });
  const pattern = fc
    .tuple(fc.array(fc.oneof(part, fc.constant('*')), { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([parts, isOpen]) => (isOpen ? [...parts, '**'] : parts));

  /** The dumb twin: a pattern as a regular expression. */
  const matches = (parts: readonly string[], name: readonly string[]) => {
    const patterns = parts.map((one) => (one === '**' ? '.+' : one === '*' ? '[^.]+' : one));
    return new RegExp(`^${patterns.join('\\.')}$`).test(name.join('.'));
  };

  it('finds what matching one by one finds, also after some are gone', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 12 }),
        fc.array(topic, { maxLength: 6 }),
        (patterns, topics) => {
          const tree = new TopicTree<number>();
          patterns.forEach((parts, i) => tree.add(parts, i));
          const gone = patterns.map((_, i) => i % 3 === 0);
          patterns.forEach((parts, i) => {
            if (gone[i]) tree.delete(parts, i);
          });
          expect(tree.size).toBe(gone.filter((isGone) => !isGone).length);
          for (const name of topics) {
            const expected = patterns.flatMap((parts, i) => (!gone[i] && matches(parts, name) ? [i] : []));
            expect([...tree.match(name)].sort((a, b) => a - b)).toEqual(expected);
          }
        },
      ),
    );
  });

  it('takes its parts from names that were checked', () => {
    expect(checkTopic('a.*.**', true)).toEqual(['a', '*', '**']);
    expect(() => checkTopic('a.*', false)).toThrow();
  });
});

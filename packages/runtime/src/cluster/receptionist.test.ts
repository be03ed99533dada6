import { describe, expect, it } from 'vitest';
import { type EventObject, fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { replying } from '../actor/reply.ts';
import { createRouter } from '../routing/router.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';

const NAMES = ['n1', 'n2', 'n3'];
const idle = fromTransition((state: undefined) => state, undefined);

const answering = (name: string) =>
  replying((count: number, _: EventObject, answer) => {
    answer(name);
    return count;
  }, 0);

async function started(seed = 1): Promise<ClusterHarness> {
  const harness = new ClusterHarness(NAMES, () => {}, {}, seed);
  await harness.start();
  return harness;
}

const found = (harness: ClusterHarness, name: string, key: string) =>
  harness
    .node(name)
    .cluster.receptionist.find(key)
    .map(({ address }) => address);

const registered = (harness: ClusterHarness, name: string, key: string): Ref => {
  const ref: Ref = harness.node(name).system.spawn(idle);
  harness.node(name).cluster.receptionist.register(key, ref);
  return ref;
};

describe('the receptionist', () => {
  it('shows on every node who is registered, in the same order', async () => {
    const harness = await started();
    const refs = ['n3', 'n1', 'n2', 'n1'].map((name) => registered(harness, name, 'printers'));
    registered(harness, 'n1', 'others');
    expect(found(harness, 'n1', 'printers')).toEqual([refs[1]!.address, refs[3]!.address]);
    await harness.pass(100);
    const all = [refs[1]!, refs[3]!, refs[2]!, refs[0]!].map(({ address }) => address);
    for (const name of NAMES) expect(found(harness, name, 'printers')).toEqual(all);
  });

  it('tells subscribers the listing, each change of it once, and nothing else', async () => {
    const harness = await started();
    const listings: number[] = [];
    const end = harness
      .node('n2')
      .cluster.receptionist.subscribe('printers', (refs) => listings.push(refs.length));
    expect(listings).toEqual([]);
    await harness.pass(50);
    const first = registered(harness, 'n1', 'printers');
    harness.node('n1').cluster.receptionist.register('printers', first);
    registered(harness, 'n1', 'others');
    await harness.pass(50);
    registered(harness, 'n2', 'printers');
    await harness.pass(2_500);
    harness.node('n1').cluster.receptionist.deregister('printers', first);
    await harness.pass(50);
    end();
    registered(harness, 'n3', 'printers');
    await harness.pass(50);
    expect(listings).toEqual([0, 1, 2, 1]);
  });

  it('keeps an actor that two have registered until both have taken it back, each once', async () => {
    const harness = await started();
    const { receptionist } = harness.node('n1').cluster;
    const ref: Ref = harness.node('n1').system.spawn(idle);
    const [one, two] = [receptionist.register('printers', ref), receptionist.register('printers', ref)];
    one();
    one();
    expect(found(harness, 'n1', 'printers')).toEqual([ref.address]);
    two();
    expect(found(harness, 'n1', 'printers')).toEqual([]);
    // Somebody else's, later: what was taken back before is over.
    receptionist.register('printers', ref);
    two();
    expect(found(harness, 'n1', 'printers')).toEqual([ref.address]);
    receptionist.register('printers', ref);
    receptionist.deregister('printers', ref);
    expect(found(harness, 'n1', 'printers')).toEqual([]);
  });

  it('forgets an actor that ends, under all its keys, on every node, and one that had ended before', async () => {
    const harness = await started();
    const ref = registered(harness, 'n1', 'a');
    harness.node('n1').cluster.receptionist.register('b', ref);
    await harness.pass(50);
    expect(found(harness, 'n3', 'b')).toHaveLength(1);
    await harness.settle(ref.stop());
    await harness.pass(50);
    for (const name of NAMES) for (const key of ['a', 'b']) expect(found(harness, name, key)).toEqual([]);
    harness.node('n1').cluster.receptionist.register('c', ref);
    await harness.pass(50);
    for (const name of NAMES) expect(found(harness, name, 'c')).toEqual([]);
  });

  it('forgets an actor that fails, and shows nowhere both it and the one that takes its name and its place', async () => {
    const harness = await started();
    const { system, cluster } = harness.node('n1');
    const failing = fromTransition((state: undefined, { type }: EventObject) => {
      if (type === 'fail') throw new Error('out of paper');
      return state;
    }, undefined);
    const printer = (): Ref => {
      const ref: Ref = system.spawn(failing, { id: 'printer', supervise: false });
      cluster.receptionist.register('printers', ref);
      return ref;
    };
    const listings: string[][] = [];
    harness.node('n3').cluster.receptionist.subscribe('printers', (refs) => {
      listings.push(refs.map(({ address }) => address));
    });
    const first = printer();
    await harness.pass(50);
    let second = first;
    first.watch(() => (second = printer()));
    first.send({ type: 'fail' });
    await harness.pass(50);
    expect(second.address).not.toBe(first.address);
    for (const name of NAMES) expect(found(harness, name, 'printers')).toEqual([second.address]);
    expect(listings.filter(({ length }) => length > 1)).toEqual([]);
    expect(listings.find(({ length }) => length > 0)).toEqual([first.address]);
    expect(listings.at(-1)).toEqual([second.address]);
  });

  it('forgets a node that is lost or leaves, and knows its next life', async () => {
    const harness = await started();
    for (const name of NAMES) registered(harness, name, 'printers');
    await harness.pass(50);
    harness.crash('n3');
    await harness.until(() => ['n1', 'n2'].every((name) => found(harness, name, 'printers').length === 2));
    expect(found(harness, 'n2', 'printers').every((address) => !address.startsWith('local:n3/'))).toBe(true);
    harness.boot('n3');
    await harness.untilBalanced();
    await harness.until(() => found(harness, 'n3', 'printers').length === 2, 200);
    registered(harness, 'n3', 'printers');
    await harness.pass(50);
    for (const name of NAMES) expect(found(harness, name, 'printers')).toHaveLength(3);
    await harness.settle(harness.node('n2').cluster.stop());
    await harness.until(() => found(harness, 'n1', 'printers').length === 2);
  });

  it('catches up with what changed while links were cut, and with what a link has lost', async () => {
    const harness = await started();
    registered(harness, 'n1', 'printers');
    await harness.pass(50);
    const [n1, n2] = [harness.node('n1').nodeId, harness.node('n2').nodeId];
    harness.network.cut(n1, n2);
    await harness.pass(30);
    const later = registered(harness, 'n1', 'printers');
    await harness.pass(100);
    expect(found(harness, 'n2', 'printers')).toHaveLength(1);
    harness.network.heal(n1, n2);
    await harness.pass(200);
    expect(found(harness, 'n2', 'printers')).toHaveLength(2);
    harness.network.chaos = { loss: 0.5, duplication: 0.3, reordering: 0.3 };
    for (let i = 0; i < 20; i++) registered(harness, 'n1', 'printers');
    harness.node('n1').cluster.receptionist.deregister('printers', later);
    await harness.pass(200);
    harness.network.chaos = undefined;
    await harness.until(() => NAMES.every((name) => found(harness, name, 'printers').length === 21), 5_000);
  });

  it('asks once for a listing that it has not, whatever comes of it meanwhile', async () => {
    const harness = await started();
    let listed = 0;
    harness.network.onSent = (_from, _to, _channel, message) => {
      if ((message as { base?: unknown }).base === -1) listed++;
    };
    const ref: Ref = harness.node('n1').system.spawn(idle);
    for (let i = 0; i < 200; i++) harness.node('n1').cluster.receptionist.register(`key ${i}`, ref);
    await harness.pass(100);
    for (let i = 0; i < 200; i++) expect(found(harness, 'n3', `key ${i}`)).toEqual([ref.address]);
    expect(listed).toBe(2);
  });

  it('says in parts what is more than a frame holds, and shows it only when it is whole', async () => {
    const harness = await started();
    const [n1, n2] = [harness.node('n1').nodeId, harness.node('n2').nodeId];
    let largest = 0;
    harness.network.onSent = (_from, _to, _channel, message) => {
      if ((message as { t?: unknown }).t === 'listed')
        largest = Math.max(largest, JSON.stringify(message).length);
    };
    harness.network.cut(n1, n2);
    const { system, cluster } = harness.node('n1');
    const ref: Ref = system.spawn(idle);
    const keys = Array.from({ length: 6_000 }, (_, i) => `${i}`.padStart(256, 'k'));
    for (const key of keys) cluster.receptionist.register(key, ref);
    const listings: number[] = [];
    harness.node('n2').cluster.receptionist.subscribe(keys.at(-1)!, (refs) => listings.push(refs.length));
    const isKnown = () => keys.every((key) => found(harness, 'n2', key).length === 1);
    harness.network.healAll();
    await harness.pass(200);
    expect(isKnown()).toBe(true);
    for (let i = 0; i < 2; i++) {
      harness.network.cut(n1, n2);
      await harness.pass(10);
      harness.network.healAll();
      await harness.pass(200);
    }
    expect(isKnown()).toBe(true);
    expect(listings).toEqual([0, 1]);
    await harness.settle(ref.stop());
    await harness.pass(200);
    expect(keys.some((key) => found(harness, 'n2', key).length > 0)).toBe(false);
    expect(largest).toBeGreaterThan(100_000);
    expect(largest).toBeLessThan(2 ** 20);
  });

  it('brings a node that knows of no parts to the same listing', async () => {
    const harness = await started();
    const [n1, n2] = [harness.node('n1').nodeId, harness.node('n2').nodeId];
    let parts = 0;
    harness.network.onSent = (_from, _to, _channel, message) => {
      const listed = message as { upTo?: number };
      if (listed.upTo !== undefined) parts++;
      delete listed.upTo;
    };
    harness.network.cut(n1, n2);
    const ref: Ref = harness.node('n1').system.spawn(idle);
    const keys = Array.from({ length: 3_000 }, (_, i) => `${i}`.padStart(256, 'k'));
    for (const key of keys) harness.node('n1').cluster.receptionist.register(key, ref);
    harness.network.healAll();
    await harness.pass(200);
    expect(parts).toBeGreaterThan(1);
    expect(keys.every((key) => found(harness, 'n2', key).length === 1)).toBe(true);
  });

  it('goes on from where it was when a part is lost', async () => {
    const harness = await started();
    const [n1, n2] = [harness.node('n1').nodeId, harness.node('n2').nodeId];
    harness.network.cut(n1, n2);
    const { system, cluster } = harness.node('n1');
    const ref: Ref = system.spawn(idle);
    const keys = Array.from({ length: 4_000 }, (_, i) => `${i}`.padStart(256, 'k'));
    for (const key of keys) cluster.receptionist.register(key, ref);
    harness.network.chaos = { loss: 0.3, duplication: 0.2, reordering: 0 };
    harness.network.healAll();
    await harness.pass(3_000);
    harness.network.chaos = undefined;
    await harness.pass(3_000);
    expect(keys.every((key) => found(harness, 'n2', key).length === 1)).toBe(true);
  });

  it('refuses keys that are none', async () => {
    const harness = await started();
    const { receptionist } = harness.node('n1').cluster;
    const ref = harness.node('n1').system.spawn(idle);
    for (const key of ['', 'x'.repeat(257)])
      expect(() => receptionist.register(key, ref as Ref)).toThrow(/cannot be registered/);
  });

  it('gives a new router those who are registered already, before its first message', async () => {
    const harness = await started();
    const { system, cluster } = harness.node('n1');
    cluster.receptionist.register('workers', system.spawn(answering('early')) as Ref);
    const router = createRouter(system, { group: cluster.receptionist.group('workers') });
    expect(await harness.settle(router.ask({ type: 'work' }))).toBe('early');
  });

  it('gives a router its routees, on whichever node they live, as they come and go', async () => {
    const harness = await started();
    const router = createRouter(harness.node('n1').system, {
      group: harness.node('n1').cluster.receptionist.group('workers'),
    });
    const worker = (name: string) => {
      const ref: Ref = harness.node(name).system.spawn(answering(name));
      harness.node(name).cluster.receptionist.register('workers', ref);
      return ref;
    };
    const [one, two] = [worker('n2'), worker('n3')];
    await harness.pass(100);
    const ask = () => harness.settle(router.ask({ type: 'work' }));
    expect([await ask(), await ask()].sort((a, b) => String(a).localeCompare(String(b)))).toEqual([
      'n2',
      'n3',
    ]);
    await harness.settle(one.stop());
    await harness.pass(100);
    expect([await ask(), await ask()]).toEqual(['n3', 'n3']);
    harness.crash('n3');
    await harness.until(() => harness.node('n1').cluster.receptionist.find('workers').length === 0);
    await harness.pass(10);
    await expect(ask()).rejects.toMatchObject({ code: 'TUTTI_ACTOR_UNKNOWN' });
    expect(two.address).toContain('local:n3/');
  });
});

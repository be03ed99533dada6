import { isTuttiError, logIndex } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { type KeyValue, keyValue } from './key-value.ts';
import {
  type KeyValueChange,
  type KeyValueCommand,
  KeyValueModule,
  VALUE_CHARS_MAX,
} from './key-value-module.ts';

const NAMES = ['n1', 'n2', 'n3'];
const at = (n: number) => ({ index: logIndex(n), timeMs: n });

const outcomeOf = (module: KeyValueModule, command: KeyValueCommand, n: number): unknown => {
  try {
    return module.apply(command, at(n));
  } catch (error) {
    if (isTuttiError(error)) return error.code;
    throw error;
  }
};

describe('the module of a key-value store', () => {
  const key = fc.constantFrom('a', 'b', 'c');
  const ifRevision = fc.option(fc.nat({ max: 12 }), { nil: undefined });
  const command: fc.Arbitrary<KeyValueCommand> = fc
    .record({ isPut: fc.boolean(), key, value: fc.jsonValue(), ifRevision })
    .map(({ isPut, ifRevision: revision, value, ...rest }) => ({
      ...(isPut ? { type: 'put' as const, value } : { type: 'delete' as const }),
      ...rest,
      ...(revision === undefined ? {} : { ifRevision: revision }),
    }));

  it('does what a plain map with a counter does, before and after a snapshot', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), fc.nat({ max: 40 }), (commands, cut) => {
        let module = new KeyValueModule('kv');
        const twin = new Map<string, { value: unknown; revision: number; version: number }>();
        const changes: string[] = [];
        let revision = 0;
        commands.forEach((one, n) => {
          if (n === cut) {
            const parts = JSON.parse(JSON.stringify([...module.snapshot()])) as unknown[];
            module = new KeyValueModule('kv');
            module.restore(parts);
          }
          const known = twin.get(one.key);
          const outcome = outcomeOf(module, one, n);
          if (one.ifRevision !== undefined && one.ifRevision !== (known?.revision ?? 0))
            return expect(outcome).toBe('TUTTI_REVISION_MISMATCH');
          if (one.type === 'delete' && !known) return expect(outcome).toBeUndefined();
          revision++;
          changes.push(`${one.type} ${one.key}`);
          if (one.type === 'delete') twin.delete(one.key);
          else twin.set(one.key, { value: one.value, revision, version: (known?.version ?? 0) + 1 });
          expect(outcome).toMatchObject({ type: one.type, key: one.key, revision });
        });
        expect(module.revision).toBe(revision);
        expect(module.list('').map(({ key: name, ...rest }) => [name, rest])).toEqual(
          [...twin].sort(([a], [b]) => (a < b ? -1 : 1)),
        );
        expect(module.changesFrom(1).map(({ type, key: name }) => `${type} ${name}`)).toEqual(changes);
        expect(module.changesFrom(2).length).toBe(Math.max(0, changes.length - 1));
      }),
    );
  });

  it('refuses what is too large or malformed, and keeps a bounded number of changes', () => {
    const module = new KeyValueModule('kv');
    const put = (name: string, value: unknown) => outcomeOf(module, { type: 'put', key: name, value }, 1);
    expect(put('a', 'x'.repeat(VALUE_CHARS_MAX))).toBe('TUTTI_OVERLOADED');
    expect(put('', 1)).toBe('TUTTI_CLUSTER_COMMAND_INVALID');
    expect(put('k'.repeat(513), 1)).toBe('TUTTI_CLUSTER_COMMAND_INVALID');
    for (let n = 1; n <= 12_000; n++) put('a', n);
    expect(module.revision).toBe(12_000);
    expect(module.firstKept).toBeGreaterThan(1);
    expect(module.changesFrom(module.firstKept)[0]?.revision).toBe(module.firstKept);
    expect(module.changesFrom(1).length).toBeLessThanOrEqual(11_000);
  });
});

describe('a key-value store on a cluster', () => {
  async function started() {
    const stores = new Map<string, KeyValue>();
    const harness = new ClusterHarness(
      NAMES,
      (cluster, node) => void stores.set(node, keyValue(cluster, 'kv')),
    );
    await harness.start();
    return { harness, on: (name: string) => stores.get(name)! };
  }

  it('is one on all nodes: of writers that compare and set, one wins, and a read sees it', async () => {
    const { harness, on } = await started();
    const put = (name: string) => on(name).put('lock', name, { ifRevision: 0 });
    const ends = await harness.settle(Promise.allSettled(NAMES.map(put)));
    const won = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.value] : []));
    expect(won).toHaveLength(1);
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'TUTTI_REVISION_MISMATCH' });
    for (const name of NAMES) expect((await harness.settle(on(name).read('lock')))?.value).toBe(won[0]);
    const { revision } = on('n1').get('lock')!;
    expect(await harness.settle(on('n2').delete('lock', { ifRevision: revision }))).toMatchObject({
      type: 'delete',
    });
    expect(await harness.settle(on('n3').read('lock'))).toBeUndefined();
  });

  it('tells a watcher every change once and in order, also one that comes back later', async () => {
    const { harness, on } = await started();
    const seen: KeyValueChange[] = [];
    let end = on('n2').watch((change) => seen.push(change), { prefix: 'a/' });
    const write = (from: number, to: number) =>
      harness.settle(
        Promise.all(
          Array.from({ length: to - from }, (_, i) =>
            on('n1').put(`${i % 3 === 0 ? 'b' : 'a'}/${from + i}`, i),
          ),
        ),
      );
    await write(0, 20);
    await harness.pass(100);
    end();
    const last = seen.at(-1)!.revision;
    await write(20, 40);
    harness.network.cut(harness.node('n1').nodeId, harness.node('n2').nodeId);
    await harness.pass(100);
    end = on('n2').watch((change) => seen.push(change), { prefix: 'a/', from: last + 1 });
    harness.network.healAll();
    await write(40, 60);
    await harness.pass(200);
    end();
    const all: KeyValueChange[] = [];
    on('n1').watch((change) => all.push(change), { from: 1, prefix: 'a/' })();
    expect(seen).toEqual(all);
    expect(all.length).toBeGreaterThan(30);
    expect(on('n3').list('b/').length + on('n3').list('a/').length).toBe(60);
  });

  it('tells a watcher that throws the rest of the same batch, and those beside it everything', async () => {
    const { harness, on } = await started();
    const seen: string[] = [];
    const careless = (who: string) => (change: KeyValueChange) => {
      seen.push(`${who} ${change.revision}`);
      throw new Error('careless');
    };
    for (const key of ['a', 'b', 'c']) await harness.settle(on('n1').put(key, 1));
    const end = on('n1').watch(careless('late'), { from: 1 });
    expect(seen).toEqual(['late 1', 'late 2', 'late 3']);
    end();
    for (const who of ['one', 'two']) on('n1').watch(careless(who));
    await harness.settle(on('n1').put('d', 1));
    await harness.pass(100);
    expect(seen.slice(3)).toEqual(['one 4', 'two 4']);
  });

  it('says so when changes are not kept any more', async () => {
    const { harness, on } = await started();
    await harness.settle(on('n1').put('a', 1));
    expect(() => on('n1').watch(() => {}, { from: 0 })).toThrow(/are not kept/);
  });
});

import { isTuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, fromTransition, setup } from 'xstate';
import type { Migrate, StoredSnapshot } from '../actor/migration.ts';
import type { Ref } from '../actor/ref.ts';
import { reply, replying } from '../actor/reply.ts';
import type { ClusterSystem } from '../cluster/cluster-system.ts';
import type { ReplicatedOptions } from '../cluster/replicated.ts';
import { ReplicatedLogic } from '../cluster/replicated-logic.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import type { EntityOptions } from './entity-options.ts';

const NAMES = ['n1', 'n2', 'n3'];

type Event = { type: 'add'; by: number } | { type: 'read' } | { type: 'forget' };

/** The first version: a total in a state called `open`. */
const first = setup({ types: { context: {} as { total: number }, events: {} as Event } }).createMachine({
  id: 'account',
  context: { total: 0 },
  initial: 'open',
  states: { open: {} },
  on: {
    add: { actions: [assign({ total: ({ context, event }) => context.total + event.by }), reply('ok')] },
    read: { actions: reply(({ context }) => context.total) },
  },
});

/** The second: cents, in a state called `active`. */
const second = setup({ types: { context: {} as { cents: number }, events: {} as Event } }).createMachine({
  id: 'account',
  context: { cents: 0 },
  initial: 'active',
  states: { active: {} },
  on: {
    add: {
      actions: [assign({ cents: ({ context, event }) => context.cents + 100 * event.by }), reply('ok')],
    },
    read: { actions: reply(({ context }) => context.cents) },
  },
});

const toCents: Migrate = ({ snapshot }) => {
  const old = snapshot as { readonly context: { readonly total: number } };
  return { ...old, value: 'active', context: { cents: old.context.total * 100 } };
};

type Deploy = (cluster: ClusterSystem) => void;
const asFirst: Deploy = (cluster) => void cluster.entity('account', first);
const asSecond =
  (options: EntityOptions<typeof second>): Deploy =>
  (cluster) =>
    void cluster.entity('account', second, options);

class World {
  deploy: Deploy;
  readonly harness: ClusterHarness;

  constructor(deploy: Deploy) {
    this.deploy = deploy;
    this.harness = new ClusterHarness(NAMES, (cluster) => this.deploy(cluster));
  }

  /** The whole cluster goes down at once and comes back with other code. */
  async restart(deploy: Deploy): Promise<void> {
    this.deploy = deploy;
    for (const name of NAMES) this.harness.crash(name);
    for (const name of NAMES) this.harness.boot(name);
    await this.harness.untilBalanced();
  }

  ask(event: Event): Promise<unknown> {
    const asked = this.harness
      .node('n1')
      .cluster.ref<Event>('account', 'a')
      .ask(event, { timeoutMs: 20_000 });
    return this.harness.settle(asked.catch((thrown: unknown) => thrown));
  }

  /** The last commit of the account in the log. */
  stored(): { readonly version: number; readonly logic: unknown } {
    const commits = this.harness.log.entries.flatMap(({ module, command }) =>
      module === 'entities'
        ? [JSON.parse(command) as { entries: { version: number; logic: number }[]; logics: unknown[] }]
        : [],
    );
    const last = commits.at(-1)!;
    const entry = last.entries.at(-1)!;
    return { version: entry.version, logic: last.logics[entry.logic] };
  }
}

async function worldOf(deploy: Deploy, total = 3): Promise<World> {
  const world = new World(deploy);
  await world.harness.start();
  expect(await world.ask({ type: 'add', by: total })).toBe('ok');
  return world;
}

describe('a stored snapshot', () => {
  it('says which machine, which version and which hash it is of', async () => {
    const world = await worldOf(asFirst);
    expect(world.stored().logic).toEqual({
      machine: 'account',
      version: 1,
      hash: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    });
  });

  it('is migrated where the entity comes alive, once, before its first message shows', async () => {
    const world = await worldOf(asFirst);
    const seen: StoredSnapshot[] = [];
    const migrate: Migrate = (from, to) => {
      seen.push(from);
      expect(to).toMatchObject({ machine: 'account', version: 2 });
      return toCents(from, to);
    };
    const before = world.stored();
    await world.restart(asSecond({ version: 2, migrate }));
    expect(world.stored(), 'nobody has asked for it').toEqual(before);
    expect(await world.ask({ type: 'read' })).toBe(300);
    expect(world.stored()).toMatchObject({ version: before.version + 1, logic: { version: 2 } });
    expect(seen).toEqual([expect.objectContaining({ machine: 'account', version: 1 })]);
    await world.restart(asSecond({ version: 2, migrate }));
    expect(await world.ask({ type: 'add', by: 1 })).toBe('ok');
    expect(await world.ask({ type: 'read' })).toBe(400);
    expect(seen, 'what is migrated is not migrated again').toHaveLength(1);
  });

  it.each<[string, Deploy, string, Deploy]>([
    [
      'of a lower version without a migration',
      asSecond({ version: 2 }),
      'TUTTI_SNAPSHOT_MIGRATION_MISSING',
      asFirst,
    ],
    ['of other code with the same version', asSecond({}), 'TUTTI_SNAPSHOT_CHANGED', asFirst],
    [
      'whose migration throws',
      asSecond({
        version: 2,
        migrate: () => {
          throw new Error('no such field');
        },
      }),
      'TUTTI_SNAPSHOT_MIGRATION_FAILED',
      asFirst,
    ],
    [
      'whose migration gives no snapshot',
      asSecond({ version: 2, migrate: () => undefined }),
      'TUTTI_SNAPSHOT_MIGRATION_FAILED',
      asFirst,
    ],
  ])('%s is refused with a code that says what to do, and stays as it is', async (_, wrong, code, right) => {
    const world = await worldOf(asFirst);
    const before = world.stored();
    await world.restart(wrong);
    for (let round = 0; round < 3; round++) {
      const failure = await world.ask({ type: 'add', by: 1 });
      expect(failure).toMatchObject({ code });
      expect(isTuttiError(failure) && failure.wayOut).toMatch(/Nothing was overwritten/);
    }
    expect(world.stored()).toEqual(before);
    await world.restart(right);
    expect(await world.ask({ type: 'read' })).toBe(3);
  });

  it('of a newer version is refused by the older code, and goes on where the newer one runs', async () => {
    const world = await worldOf(asSecond({ version: 2, migrate: toCents }));
    await world.restart(asFirst);
    expect(await world.ask({ type: 'read' })).toMatchObject({
      code: 'TUTTI_SNAPSHOT_NEWER',
      details: { of: 'account/a', stored: 2, declared: 1 },
    });
    await world.restart(asSecond({ version: 2, migrate: toCents }));
    expect(await world.ask({ type: 'read' })).toBe(300);
  });

  it('counts the messages to entities that cannot be started as dead letters', async () => {
    const world = await worldOf(asFirst);
    await world.restart(asSecond({}));
    const letters = () =>
      [...world.harness.nodes.values()]
        .flatMap(({ system }) => Object.values(system.deadLetters.counts()))
        .reduce((sum, count) => sum + count, 0);
    const before = letters();
    world.harness.node('n1').cluster.ref<Event>('account', 'a').send({ type: 'add', by: 1 });
    await world.harness.pass(500);
    expect(letters()).toBe(before + 1);
  });

  it('of a reducer goes by its version alone', async () => {
    const reducer = (cents: boolean) =>
      replying<number, Event>((total, event, answer) => {
        const next = event.type === 'add' ? total + event.by * (cents ? 100 : 1) : total;
        answer(next);
        return next;
      }, 0);
    const world = new World((cluster) => void cluster.entity('account', reducer(false)));
    await world.harness.start();
    expect(await world.ask({ type: 'add', by: 2 })).toBe(2);
    const migrate: Migrate = ({ snapshot }) => {
      const old = snapshot as { readonly context: number };
      return { ...old, context: old.context * 100 };
    };
    await world.restart((cluster) => void cluster.entity('account', reducer(true), { version: 2, migrate }));
    expect(await world.ask({ type: 'add', by: 1 })).toBe(300);
  });
});

describe('the options of a kind', () => {
  const logic = fromTransition((total: number) => total, 0);
  it.each<[string, EntityOptions<typeof logic>, string]>([
    ['a version that is no whole number', { version: 1.5 }, 'version'],
    ['a version below 1', { version: 0 }, 'version'],
    ['a migration of what is not stored', { durable: false, migrate: toCents }, 'migrate'],
    ['remembering what is not stored', { durable: false, remember: true }, 'remember'],
    ['remembering what is put to sleep', { remember: true, activeMax: 5 }, 'activeMax'],
    ['a bound that is none', { activeMax: 0 }, 'activeMax'],
    ['a singleton that is put to sleep', { singleton: true, passivateAfterMs: 9 }, 'passivateAfterMs'],
  ])('refuse %s', (_, options, option) => {
    const harness = new ClusterHarness(['n1'], (cluster) => {
      expect(() => cluster.entity('k', logic, options)).toThrow(
        expect.objectContaining({
          code: 'TUTTI_ENTITY_OPTIONS_INVALID',
          details: expect.objectContaining({ option }) as object,
        }) as Error,
      );
    });
    harness.boot('n1');
  });
});

describe('two nodes that declare otherwise', () => {
  async function refusal(declare: Deploy, config = {}): Promise<unknown> {
    const harness = new ClusterHarness(NAMES, asFirst);
    harness.boot('n1');
    harness.boot('n2');
    await harness.untilBalanced();
    const third = harness.boot('n3', config, { declare });
    return harness.settle(third.started.catch((thrown: unknown) => thrown));
  }

  it.each<[string, Deploy, string]>([
    ['how it is placed', (c) => void c.entity('account', first, { singleton: true }), 'placement'],
    ['whether it is stored', (c) => void c.entity('account', first, { durable: false }), 'durable'],
    ['its code, with one version', asSecond({}), 'hash of one version'],
    ['whether it is an entity at all', (c) => void c.replicated('account', first), 'placement'],
  ])('are told apart by %s when the second joins', async (_, declare, what) => {
    expect(await refusal(declare)).toMatchObject({
      code: 'TUTTI_DECLARATION_MISMATCH',
      details: { name: 'account', node: 'n3', what },
    });
  });

  it('by versions of an entity may be members together: that is how a new one is brought in', async () => {
    expect(await refusal(asSecond({ version: 2, migrate: toCents }))).toBeUndefined();
    expect(await refusal((cluster) => void cluster.entity('other', second))).toBeUndefined();
  });

  it('are refused when one would take over what the other may still hold', async () => {
    const slow = { leaseMs: 600, leaseRenewMs: 100, takeoverWaitMs: 700 };
    expect(await refusal(asFirst, slow)).toMatchObject({
      code: 'TUTTI_LEASE_MISMATCH',
      details: { holder: 'n3', leaseMs: 600, takeoverWaitMs: 330 },
    });
    const quick = { leaseMs: 200, leaseRenewMs: 50, takeoverWaitMs: 250 };
    expect(await refusal(asFirst, quick)).toMatchObject({
      code: 'TUTTI_LEASE_MISMATCH',
      details: { node: 'n3', takeoverWaitMs: 250, leaseMs: 300 },
    });
    expect(await refusal(asFirst, { ...quick, takeoverWaitMs: 330 })).toBeUndefined();
  });
});

describe('a replicated logic of another version', () => {
  const placed = (options: ReplicatedOptions = {}) =>
    new ReplicatedLogic('count', counter, options, (address) => ({ address }) as Ref);
  const add = { event: { type: 'add', by: 2 } };
  const inHundreds: Migrate = ({ snapshot }) => {
    const old = snapshot as { readonly context: number };
    return { ...old, context: old.context * 100 };
  };

  it('is migrated where a snapshot of it is restored, and refused without a migration', () => {
    const old = placed();
    old.apply(add);
    const parts = [...old.snapshot()];
    const migrated = placed({ version: 2, migrate: inHundreds });
    migrated.restore(parts);
    expect(migrated.current).toMatchObject({ context: 200 });
    const newer = [...migrated.snapshot()];
    expect(() => placed({ version: 2 }).restore(parts)).toThrow(
      /TUTTI_SNAPSHOT_MIGRATION_MISSING|no migration/,
    );
    expect(() => old.restore(newer)).toThrow(/of version 2/);
    expect(old.current, 'nothing was overwritten').toMatchObject({ context: 2 });
    migrated.restore(newer);
    expect(migrated.current, 'and not migrated again').toMatchObject({ context: 200 });
  });

  it('reads a snapshot from before there were versions', () => {
    const persisted = { status: 'active', context: 7 };
    const old = placed();
    old.restore([JSON.stringify(persisted)]);
    expect(old.current).toMatchObject({ context: 7 });
  });

  it('stops the node at an event of another version, instead of losing it or doing something else', () => {
    const newer = placed({ version: 2, migrate: inHundreds });
    const failure = (() => {
      try {
        return newer.apply(add);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(isTuttiError(failure), 'a coded refusal would be an outcome').toBe(false);
    expect((failure as Error).message).toMatch(/TUTTI_REPLICATED_VERSION.*Start version 1/);
    expect(newer.apply({ ...add, version: 2 })).toEqual({ reply: 2 });
  });

  const counter = replying<number, Event>((total, event, answer) => {
    const next = event.type === 'add' ? total + event.by : total;
    answer(next);
    return next;
  }, 0);

  it('is refused while the members run one version: they run it in lockstep', async () => {
    const harness = new ClusterHarness(NAMES, (cluster) => void cluster.replicated('count', counter));
    harness.boot('n1');
    harness.boot('n2');
    await harness.untilBalanced();
    const third = harness.boot(
      'n3',
      {},
      { declare: (cluster) => void cluster.replicated('count', counter, { version: 2 }) },
    );
    expect(await harness.settle(third.started.catch((thrown: unknown) => thrown))).toMatchObject({
      code: 'TUTTI_DECLARATION_MISMATCH',
      details: { name: 'count', what: 'version', ours: '2', theirs: '1' },
    });
  });
});

import type { AnyActorLogic } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { createRouter } from '../routing/router.ts';
import { threaded } from '../threads/threaded.ts';
import { type Agreement, ClusterHarness, type Declare } from './cluster-harness.ts';
import { refSubject, stillborn } from './ref-subject.ts';
import { type RefTraits, type RefWorld, refSuite } from './ref-suite.ts';
import { sendOnlySuite } from './send-only-suite.ts';
import { createTestSystem } from './test-system.ts';

const logics = { refSubject, stillborn };

/** A ref to an actor of one node, whatever hosts it there. */
function nodeWorld(logicOf: (name: keyof typeof logics) => AnyActorLogic): RefWorld {
  const test = createTestSystem({ threads: { modules: { 'test:subject': logics } } });
  const spawn: RefWorld['spawn'] = (name, options) => test.system.spawn(logicOf(name), options);
  return {
    ref: spawn('refSubject', { id: 'subject' }),
    spawn,
    holder: test.system,
    async settle(promise) {
      let isOver = false;
      const end = () => (isOver = true);
      promise.then(end, end);
      await test.until(() => isOver, 60_000);
      return await promise;
    },
    async pass(durationMs) {
      const end = test.clock.now() + durationMs;
      test.clock.setTimer(durationMs, () => {});
      await test.until(() => test.clock.now() >= end);
    },
  };
}

refSuite('an actor of the same node', async () => nodeWorld((name) => logics[name]), { isSpawned: true });

refSuite(
  'an actor of a thread',
  async () => nodeWorld((name) => threaded('test:subject', { export: name })),
  { isSpawned: true },
);

/** Spawns on n2, and gives the ref that n1 has. */
const far =
  (harness: ClusterHarness): NonNullable<RefWorld['spawn']> =>
  (name, options) =>
    harness.node('n1').system.ref(harness.node('n2').system.spawn(logics[name], options).address);

/** A ref as n1 holds it, in a cluster of three. */
async function clusterWorld(
  place: (harness: ClusterHarness) => Ref,
  agreement: Agreement = 'oracle',
): Promise<RefWorld & { readonly harness: ClusterHarness }> {
  const declare: Declare = (cluster) => {
    cluster.entity('subject', refSubject);
    cluster.entity('volatile', refSubject, { durable: false });
    cluster.entity('single', refSubject, { singleton: true });
    cluster.entity('volatile-single', refSubject, { singleton: true, durable: false });
    cluster.replicated('replica', refSubject);
  };
  const harness = new ClusterHarness(['n1', 'n2', 'n3'], declare, {}, 1, agreement);
  await harness.start();
  return {
    harness,
    ref: place(harness),
    spawn: far(harness),
    holder: harness.node('n1').system,
    settle: (promise) => harness.settle(promise, 60_000),
    pass: (durationMs) => harness.pass(durationMs),
  };
}

refSuite(
  'an actor of another node',
  () => clusterWorld((harness) => far(harness)('refSubject', { id: 'subject' })),
  {
    isSpawned: true,
    isFar: true,
  },
);

refSuite(
  'a durable entity',
  () => clusterWorld((harness) => harness.node('n1').cluster.ref('subject', 'a')),
  { stop: 'rests', keepsState: true },
);

refSuite(
  'a replicated logic',
  // Over Raft: the oracle lets proposals that are made at the same time overtake each other, and replicas do not.
  () => clusterWorld((harness) => harness.node('n1').system.ref('replicated:replica'), 'raft'),
  {
    failure: 'TUTTI_REPLICATED_REFUSED',
    ended: 'TUTTI_REPLICATED_REFUSED',
    answersAlways: true,
    stop: 'refused',
    keepsState: true,
  },
);

/** Of an entity that is not durable nothing is known once its activation is gone. */
const volatile: RefTraits = { stop: 'forgets', endIsForgotten: true };

refSuite(
  'an entity that is not durable',
  () => clusterWorld((harness) => harness.node('n1').cluster.ref('volatile', 'a')),
  volatile,
);

refSuite(
  'a durable singleton',
  () => clusterWorld((harness) => harness.node('n1').system.ref('entity:single/singleton')),
  { stop: 'rests', keepsState: true },
);

refSuite(
  'a singleton that is not durable',
  () => clusterWorld((harness) => harness.node('n1').system.ref('entity:volatile-single/singleton')),
  volatile,
);

// Of one routee each: of several each has its own state, and what two of them get is in no order.
refSuite(
  'a router of a pool',
  async () => {
    const world = nodeWorld((name) => logics[name]);
    return { ...world, ref: createRouter(world.holder, { pool: { logic: refSubject, size: 1 } }) };
  },
  { handsOn: true, notice: 'stopped' },
);

refSuite(
  'a router of a group, with an actor of another node in it',
  () =>
    clusterWorld((harness) =>
      createRouter(harness.node('n1').system, { group: [far(harness)('refSubject', { id: 'subject' })] }),
    ),
  { handsOn: true, notice: undefined },
);

sendOnlySuite('a topic', async () => {
  const world = await clusterWorld((harness) => harness.node('n1').system.ref('topic:news'));
  const { harness } = world;
  const subscriber = harness.node('n2').system.spawn(refSubject);
  harness.node('n2').cluster.topic('news').subscribe(subscriber);
  await world.pass(500);
  return { ...world, receiver: harness.node('n1').system.ref(subscriber.address) };
});

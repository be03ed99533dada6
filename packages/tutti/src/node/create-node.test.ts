import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTuttiError, nodeId } from '@tutti/kernel';
import { CLUSTER_LEVEL, type Escalation, type Ref, reply } from '@tutti/runtime';
import { describe, expect, it } from 'vitest';
import { assign, createMachine, fromTransition } from 'xstate';
import { createNode, type NodeOptions } from './create-node.ts';

const listen = { port: 0 };
const peer = (name: string) => ({
  nodeId: nodeId(name),
  url: 'ws://127.0.0.1:1',
  publicKey: '00'.repeat(32),
});

const crashing = { restarts: 0, withinMs: 1 };
const failing = fromTransition((_: undefined, { type }: { type: string }) => {
  if (type === 'break') throw new Error('it broke');
  return undefined;
}, undefined);

function refusalOf(options: NodeOptions): unknown {
  try {
    createNode(options);
    return undefined;
  } catch (thrown) {
    return isTuttiError(thrown, 'TUTTI_CONFIG_INVALID') ? thrown.message : thrown;
  }
}

describe('making a node', () => {
  it('is refused when it is not said who votes: each node would be a majority of its own', () => {
    const peers = () => Promise.resolve([peer('n2'), peer('n3')]);
    expect(refusalOf({ name: 'n1', listen, peers })).toMatch(/who votes/);
    expect(refusalOf({ name: 'n1', listen, peers, voters: ['n1', 'n2', 'n3'] })).toBeUndefined();
  });

  it('is refused when it is no voter itself, or a voter is named twice: its majority would not be that of the others', () => {
    expect(refusalOf({ name: 'n1', listen, peers: [peer('n2')], voters: ['n2', 'n3'] })).toMatch(
      /n1 is not among/,
    );
    expect(refusalOf({ name: 'n1', listen, peers: [peer('n1'), peer('n2'), peer('n3')] })).toMatch(/twice/);
  });

  it('is refused when it is to join and is told who votes: it would begin a group of its own', () => {
    const peers = [peer('n1')];
    expect(refusalOf({ name: 'n2', listen, peers, joins: true, voters: ['n2'] })).toMatch(/begins no group/);
    expect(refusalOf({ name: 'n2', listen, peers, joins: true })).toBeUndefined();
    expect(refusalOf({ name: 'n2', joins: true })).toMatchObject({ code: 'TUTTI_NODE_NEEDS_LISTEN' });
  });
});

describe('a node that is alone and keeps nothing', () => {
  it('takes no state of an entity that several nodes, or a disk, would not take', async () => {
    const node = createNode({ orchestration: false });
    const bag = createMachine({
      context: { items: {} },
      on: { fill: { actions: [assign({ items: () => new Map([['tea', 1]]) }), reply('filled')] } },
    });
    node.entity('bag', bag);
    await node.start();
    const asked = node.ref('bag', 'a').ask({ type: 'fill' });
    await expect(asked).rejects.toMatchObject({ code: 'TUTTI_VALUE_NOT_PLAIN' });
    await node.stop();
  });
});

describe('the numbers of a node', () => {
  it('are those of the cluster and of its actors that it is given', async () => {
    const escalated = Promise.withResolvers<Escalation>();
    const node = createNode({
      orchestration: false,
      clusterConfig: { shards: 8, phaseMs: 50 },
      limits: { actors: 1, microsteps: 10 },
      onEscalation: escalated.resolve,
    });
    const endless = createMachine({
      initial: 'a',
      states: { a: { on: { GO: 'b' } }, b: { always: 'c' }, c: { always: 'b' } },
    });
    node.onStop('unbind', 'a task that hangs', () => new Promise(() => {}));
    await node.start();
    expect(Object.values(node.status().shards)).toEqual([8]);
    node.spawn(endless, { supervise: { intensity: crashing } }).send({ type: 'GO' });
    expect(() => node.spawn(endless)).toThrow(/is full: 1 of at most 1/);
    expect(await escalated.promise).toMatchObject({ error: { code: 'TUTTI_MACHINE_UNSTABLE' } });
    await node.stop();
  });

  it('are refused when they cannot be, before anything is written', () => {
    const dataDir = join(tmpdir(), `tutti-refused-${process.pid}`);
    const refused: readonly NodeOptions[] = [
      { clusterConfig: { shards: 0 } },
      { clusterConfig: { weight: 1_000 } },
      { clusterConfig: { leaseMs: 1_000 } },
      { clusterConfig: { drainMs: Number.NaN } },
      { limits: { quantum: 0.5 } },
      { limits: { turnMs: -1 } },
      { limits: { actors: Infinity } },
    ];
    for (const options of refused) {
      const [key] = Object.keys(options.clusterConfig ?? options.limits!) as [string];
      expect(refusalOf({ ...options, dataDir })).toContain(key === 'leaseMs' ? 'takeoverWaitMs' : key);
    }
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe('a failure that reaches the guardian of a node', () => {
  it('ends that actor and no other, without a word', async () => {
    const escalation = Promise.withResolvers<Escalation>();
    const node = createNode({ onEscalation: escalation.resolve });
    await node.start();
    const before = node.parts.system.actorCount;
    node.spawn(failing, { supervise: { intensity: crashing } }).send({ type: 'break' });
    expect(await escalation.promise).toMatchObject({ error: { message: 'it broke' } });
    expect(node.parts.system.actorCount).toBe(before);
    await node.stop();
  });

  it('stops the node, if that is the policy, and then tells that it has', async () => {
    const fatal = Promise.withResolvers<Error>();
    const node = createNode({ guardian: 'stop-node', onFatal: fatal.resolve });
    await node.start();
    const ref = node.spawn(failing, { supervise: { intensity: crashing } });
    ref.send({ type: 'break' });
    expect(await fatal.promise).toMatchObject({ code: 'TUTTI_ACTOR_FAILED', cause: { message: 'it broke' } });
    expect(node.parts.system.actorCount).toBe(0);
  });

  it('has the actor started again, if that is the policy', async () => {
    const escalation = Promise.withResolvers<Escalation>();
    const node = createNode({ guardian: 'restart-actor', onEscalation: escalation.resolve });
    await node.start();
    const hello = createMachine({
      on: { HI: { actions: reply('hi') }, break: { actions: () => failNow() } },
    });
    const ref: Ref = node.spawn(hello, { supervise: { intensity: crashing } });
    ref.send({ type: 'break' });
    await escalation.promise;
    expect(await ref.ask({ type: 'HI' })).toBe('hi');
    await node.stop();
  });
});

describe('a node that the cluster has given up', () => {
  it('stops its actors, then itself, and tells that it has', async () => {
    const fatal = Promise.withResolvers<Error>();
    const gone = Promise.withResolvers<void>();
    const seen: string[] = [];
    const node = createNode({
      clusterConfig: { phaseMs: 1_000 },
      onFatal: (failure) => {
        seen.push(`fatal: ${node.parts.system.actorCount} actors`);
        fatal.resolve(failure);
      },
    });
    await node.start();
    node.spawn(failing).watch(({ reason }) => {
      seen.push(`actor ${reason}`);
      gone.resolve();
    });
    // The first that a stop does; were the actors to wait for it, it would never end.
    node.onStop('unbind', 'the door', async () => {
      await gone.promise;
      seen.push('door');
    });
    node.onStop('hand-over', 'what follows', () => void seen.push('what follows'));
    const later = { nodeId: node.id, incarnation: node.incarnation + 1, labels: {}, level: CLUSTER_LEVEL };
    await node.parts.consensus.propose('membership', { type: 'join', ...later });
    expect(await fatal.promise).toMatchObject({ code: 'TUTTI_NODE_EVICTED' });
    expect(seen).toEqual(['actor stopped', 'door', 'what follows', 'fatal: 0 actors']);
    expect(() => node.spawn(failing)).toThrow(/is closed/);
  });
});

function failNow(): never {
  throw new Error('it broke');
}

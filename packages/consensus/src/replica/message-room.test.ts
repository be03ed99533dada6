import {
  clusterId,
  incarnation,
  isTuttiError,
  nodeId,
  seededRandom,
  type TuttiError,
  VirtualClock,
} from '@tutti/kernel';
import { expect, test } from 'vitest';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { Replica } from './replica.ts';
import type { ReplicaConfig } from './replica-options.ts';
import { VirtualNetwork } from './testing/virtual-network.ts';

const MIB = 2 ** 20;

/**
 * Why a replica of these numbers is not made, if it is not.
 * @param messageBytesMax What one message of its transport may have.
 */
function refusal(config: ReplicaConfig, messageBytesMax = 4 * MIB): TuttiError | undefined {
  const clock = new VirtualClock();
  const id = nodeId('a');
  const transport = Object.assign(new VirtualNetwork(clock).attach(id), { messageBytesMax });
  const life = { clusterId: clusterId('test'), nodeId: id, incarnation: incarnation(1) };
  const store = new MemoryLogStore(clock);
  try {
    const random = seededRandom(1);
    return void new Replica({ ...life, voters: [id], clock, random, transport, store, config });
  } catch (thrown) {
    if (isTuttiError(thrown, 'TUTTI_OPTION_INVALID')) return thrown;
    throw thrown;
  }
}

test.each([
  ['commandBytesMax', 8 * MIB],
  ['appendBytesMax', 4 * MIB],
  ['snapshotChunkBytes', 4 * MIB],
] as const)(
  'a replica whose %s does not fit a message of its transport is refused when it is made, with both numbers',
  (option, value) => {
    const refused = refusal({ [option]: value });
    expect(refused?.message).toBe(`${option} does not take "${value}"`);
    expect(refused?.wayOut).toContain(String(4 * MIB));
    expect(refusal({ [option]: value }, Infinity)).toBeUndefined();
  },
);

test('the defaults fit the default message of a transport, and what fits is taken to the byte', () => {
  expect(refusal({})).toBeUndefined();
  const most = 4 * MIB - 512 * 1024;
  expect(refusal({ commandBytesMax: most })).toBeUndefined();
  expect(refusal({ commandBytesMax: most + 1 })?.details['option']).toBe('commandBytesMax');
});

test('an election timeout that does not outlast a heartbeat is refused, with both numbers', () => {
  const refused = refusal({ heartbeatTicks: 6, electionTicks: 6 });
  expect(refused?.message).toBe('heartbeatTicks does not take "6"');
  expect(refused?.wayOut).toBe('Give fewer than electionTicks, which is 6.');
});

// Runs node "a" in a process of its own, for a test that kills it. Takes its configuration as the first argument.
import {
  clusterId,
  incarnation,
  nodeId,
  type PeerAddress,
  seededRandom,
  silentLogger,
  systemClock,
} from '@tutti/kernel';
import type { KeyPair } from '../auth/key-pair.ts';
import { createWsTransport } from '../ws/ws-transport.ts';

const given = JSON.parse(process.argv[2]!) as { life: number; keys: KeyPair; peer: PeerAddress };
const transport = createWsTransport({
  clusterId: clusterId('test'),
  self: { nodeId: nodeId('a'), incarnation: incarnation(given.life) },
  keys: given.keys,
  listen: { host: '127.0.0.1', port: 0 },
  clock: systemClock,
  random: seededRandom(given.life),
  logger: silentLogger,
});
process.on('disconnect', () => process.exit());
await transport.open();
transport.addPeer(given.peer);

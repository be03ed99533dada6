/**
 * Links between the nodes of a cluster, behind the kernel's `Transport` port: over WebSockets between processes, and
 * in memory between the nodes of a test.
 *
 * ```ts
 * const transport = createWsTransport({
 *   clusterId: clusterId('shop'),
 *   self: { nodeId: nodeId('a'), incarnation: incarnation(1) },
 *   keys: generateKeyPair(),
 *   listen: { host: '127.0.0.1', port: 0 },
 *   clock: systemClock,
 *   random: seededRandom(1),
 *   logger: silentLogger,
 * });
 * await transport.open();
 * ```
 *
 * @module
 */
export { generateKeyPair, isPublicKey, type KeyPair } from './auth/key-pair.ts';
export {
  DEFAULT_LIMITS,
  type TransportLimits,
  WIRE_VERSIONS,
  type WireVersions,
} from './codec/limits.ts';
export { MsgpackCodec, msgpackCodec } from './codec/msgpack-codec.ts';
export {
  createMemoryNetwork,
  type LatencyRange,
  type MemoryNetwork,
  type MemoryNetworkOptions,
  type MemoryNodeOptions,
  type MemoryTransport,
} from './memory/index.ts';
export {
  createWsTransport,
  type ListenAddress,
  type WsTransport,
  type WsTransportOptions,
} from './ws/index.ts';

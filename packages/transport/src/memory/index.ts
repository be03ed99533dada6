/** Links between nodes of one process, with faults to order. @module */
export {
  createMemoryNetwork,
  type LatencyRange,
  type MemoryNetwork,
  type MemoryNetworkOptions,
  type MemoryNodeOptions,
} from './memory-network.ts';
export type { MemoryTransport } from './memory-transport.ts';

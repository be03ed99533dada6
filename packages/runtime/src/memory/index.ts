/** Threads within this process, on the clock of whoever has them: for simulations. @module */
export {
  loadFrom,
  type MemoryThread,
  type MemoryThreads,
  type MemoryThreadsOptions,
  type ModulesByName,
  memoryThreads,
} from '../threads/memory-threads.ts';

/** Tools for testing actors: systems on virtual time, and actors that keep what they are sent. @module */
export type { Ref } from '../actor/ref.ts';
export type { MemoryThread } from '../threads/memory-threads.ts';
export { type Agreement, ClusterHarness, type Declare, type HarnessNode } from './cluster-harness.ts';
export type { Probe } from './probe.ts';
export { refSubject } from './ref-subject.ts';
export { type RefTraits, type RefWorld, refSuite } from './ref-suite.ts';
export { createTestSystem, type TestSystem, type TestSystemOptions } from './test-system.ts';

/**
 * The simulator: a whole cluster of real replicas on virtual time from one seed, with a network and disks that fail,
 * and checkers that know what Raft promises.
 *
 * @example
 * const report = simulate({ seed: 42 });
 * if (report.violation) console.error(report.violation.problem);
 *
 * @module
 */

export { FileDisk, ModelDisk, type NodeDisk, type OpenStore } from './disk/node-disk.ts';
export type { Ending } from './disk/sim-drive.ts';
export { drawOptions } from './draw-options.ts';
export { TROUBLES, type Trouble } from './faults/troubles.ts';
export { NodeClock } from './node-clock.ts';
export { changedOptions, shrink } from './shrink.ts';
export { type DiskListener, SimDisk } from './sim-disk.ts';
export { SimLogStore } from './sim-log-store.ts';
export { type NetworkFaults, SimNetwork, SimTransport } from './sim-network.ts';
export type { Ambush, FaultRates, SimOptions } from './sim-options.ts';
export { type SimReport, type SimRun, simulate } from './simulator.ts';
export { Trace } from './trace.ts';
export type { Violation } from './violations.ts';

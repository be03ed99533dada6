/** The durable log on a local disk. @module */
export type { LogStore } from '../log-store.ts';

/** The simulator: a whole cluster on virtual time from one seed. @module */
export type { Ready } from '../raft/ready.ts';

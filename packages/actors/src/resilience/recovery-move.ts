/** What to do about a failed orchestrator (requirement I1). */
export type RecoveryMove = 'restart' | 'failover' | 'redistribute' | 'degrade';

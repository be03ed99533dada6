import type { ErrorCode } from '@tutti/kernel';

/**
 * What the admin interface answers beside an error, by the code of the error: 4xx where the request was wrong or does not
 * fit what there is, and would be refused again by any node; 5xx where it was sound and may come to something later, at
 * another node, or already has. A code that is not here is none that a request brings about: 500.
 */
const CODES: Readonly<Record<number, readonly ErrorCode[]>> = {
  400: [
    'TUTTI_ID_INVALID',
    'TUTTI_ACTOR_ID_INVALID',
    'TUTTI_DURATION_INVALID',
    'TUTTI_OPTION_INVALID',
    'TUTTI_CONFIG_INVALID',
    'TUTTI_CONFIG_UNKNOWN_KEY',
    'TUTTI_MEMBERSHIP_INVALID',
    'TUTTI_MESSAGE_INVALID',
    'TUTTI_VALUE_NOT_PLAIN',
    'TUTTI_VALUE_TOO_DEEP',
    'TUTTI_BOARD_COMMAND_INVALID',
    'TUTTI_CLUSTER_COMMAND_INVALID',
    'TUTTI_PROFILE_INVALID',
    'TUTTI_DETECTOR_UNKNOWN',
    'TUTTI_WORKER_UNKNOWN',
    'TUTTI_PLAN_UNREADABLE',
    'TUTTI_PLAN_SYNTAX',
    'TUTTI_PLAN_INVALID',
    'TUTTI_PLAN_EMPTY',
    'TUTTI_PLAN_VALUE_INVALID',
    'TUTTI_PLAN_TASK_DUPLICATE',
    'TUTTI_PLAN_SELF_NEED',
    'TUTTI_PLAN_NEED_DUPLICATE',
    'TUTTI_PLAN_NEED_MISSING',
    'TUTTI_PLAN_CYCLE',
    'TUTTI_PLAN_ORCHESTRATOR_UNKNOWN',
    'TUTTI_PLAN_ORCHESTRATOR_DUPLICATE',
    'TUTTI_PLAN_BARRIER_DUPLICATE',
    'TUTTI_PLAN_BARRIER_TASK_UNKNOWN',
    'TUTTI_PLAN_BARRIER_EMPTY',
    'TUTTI_PLAN_BARRIER_PARTICIPANT_IDLE',
    'TUTTI_PLAN_BARRIER_PARTICIPANT_MISSING',
    'TUTTI_PLAN_BARRIER_NEVER_FILLS',
    'TUTTI_PLAN_BARRIER_CHECK_UNKNOWN',
  ],
  401: ['TUTTI_ADMIN_UNAUTHORIZED'],
  404: [
    'TUTTI_SESSION_UNKNOWN',
    'TUTTI_TASK_UNKNOWN',
    'TUTTI_BARRIER_UNKNOWN',
    'TUTTI_ACTOR_UNKNOWN',
    'TUTTI_NODE_UNKNOWN',
    'TUTTI_NOT_A_MEMBER',
    'TUTTI_TRANSFER_UNKNOWN',
  ],
  409: [
    'TUTTI_NOT_LEADER',
    'TUTTI_LEADERSHIP_MOVING',
    'TUTTI_TRANSFER_NOT_VOTER',
    'TUTTI_TRANSFER_NEEDLESS',
    'TUTTI_TRANSFER_TARGET_LOST',
    'TUTTI_MEMBERSHIP_CHANGING',
    'TUTTI_MEMBER_BEHIND',
    'TUTTI_NO_VOTER_LEFT',
    'TUTTI_GROUP_OF_ONE',
    'TUTTI_SESSION_EXISTS',
    'TUTTI_SESSION_ENDED',
    'TUTTI_SESSION_CLOSED',
    'TUTTI_SESSION_CANCELLED',
    'TUTTI_SESSION_IN_WAVES',
    'TUTTI_SUBMISSION_DIFFERS',
    'TUTTI_TASK_ENDED',
    'TUTTI_BOARD_LEVEL_LOW',
    'TUTTI_CLUSTER_LEVEL_LOW',
    'TUTTI_PORT_IN_USE',
  ],
  413: ['TUTTI_PROPOSAL_TOO_LARGE', 'TUTTI_PLAN_TOO_LARGE'],
  // This node cannot, whoever asks; another one may.
  501: ['TUTTI_NO_LAUNCHER', 'TUTTI_ORCHESTRATION_OFF'],
  // Nothing was done; the same request may be made again, here or elsewhere.
  503: [
    'TUTTI_NO_LEADER',
    'TUTTI_NODE_STARTING',
    'TUTTI_CLOSED',
    'TUTTI_ABORTED',
    'TUTTI_OVERLOADED',
    'TUTTI_STORE_FULL',
    'TUTTI_STORE_REPAIRING',
    'TUTTI_STORE_FAILED',
    'TUTTI_STORE_HUNG',
    'TUTTI_NODE_EVICTED',
    'TUTTI_NODE_UNREACHABLE',
    'TUTTI_QUORUM_LOST',
  ],
  // The group did not answer in time: it may have been done.
  504: [
    'TUTTI_OUTCOME_UNKNOWN',
    'TUTTI_SESSION_EXPIRED',
    'TUTTI_TIMEOUT',
    'TUTTI_ASK_TIMEOUT',
    'TUTTI_TRANSFER_TIMEOUT',
  ],
};

const STATUS_OF: ReadonlyMap<string, number> = new Map(
  Object.entries(CODES).flatMap(([status, codes]) => codes.map((code) => [code, Number(status)] as const)),
);

/** The HTTP status that goes with an error of this code. */
export function httpStatusOf(code: string): number {
  return STATUS_OF.get(code) ?? 500;
}

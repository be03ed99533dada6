/** A row of the table: what happened (with `{detail}` holes), and what to do about it. */
export interface ErrorRow {
  readonly message: string;
  readonly wayOut: string;
}

const row = (message: string, wayOut: string): ErrorRow => ({ message, wayOut });

/**
 * Every code that Tutti can raise, in one table. `docs/reference/errors.md` has a section for each with an example
 * that a test runs; another test keeps the two equal. A code, once released, keeps its meaning.
 */
export const ERRORS = {
  // kernel
  TUTTI_INTERNAL: row(
    'Tutti met something it does not know: {problem}',
    'Report it with the lines logged before it.',
  ),
  TUTTI_ID_INVALID: row(
    'The {kind} id "{id}" is not usable',
    'Use 1 to 64 of a-z A-Z 0-9 . _ - and begin with a letter or digit.',
  ),
  TUTTI_DURATION_INVALID: row(
    'The duration {value} cannot be read',
    'Write milliseconds as a number, or text such as 250ms, 1.5s, 10m, 2h.',
  ),
  TUTTI_TIMEOUT: row(
    '{what} took longer than {timeoutMs} ms',
    'Allow more time, or look at why the other side is slow.',
  ),
  TUTTI_ABORTED: row('{what} was called off', 'Nothing; the caller aborted it.'),
  TUTTI_CLOSED: row('{what} is closed', 'Use it before closing it, or make a new one.'),
  TUTTI_CODEC_INVALID: row(
    'These bytes are not an encoded value: {problem}',
    'Check that both ends use the same codec and that the bytes were not cut.',
  ),
  // consensus
  TUTTI_MODULE_DUPLICATE: row(
    'A replicated module named "{module}" is registered already',
    'Give each module its own name, and register each once.',
  ),
  TUTTI_MODULE_UNKNOWN: row(
    'The log holds a command for the module "{module}", which this node does not have',
    'Start this node with the same replicated parts as the others, or with the newer version that wrote it.',
  ),
  TUTTI_NO_LEADER: row(
    'The cluster has no leader that this node knows ({known})',
    'Check that a majority of the voters runs and is reachable; the call can be made again.',
  ),
  TUTTI_OUTCOME_UNKNOWN: row(
    '{what} was sent but not confirmed within {timeoutMs} ms; it may or may not have taken effect',
    'Read the state to find out, or repeat the same call if it does no harm twice.',
  ),
  TUTTI_PROPOSAL_TOO_LARGE: row(
    'A proposal of {bytes} bytes exceeds the limit of {limitBytes}',
    'Split it, or keep the large part outside the log and propose a reference to it.',
  ),
  TUTTI_OVERLOADED: row(
    '{what} is full: {size} of {limit} are waiting',
    'Slow down and try again; nothing was taken in.',
  ),
  TUTTI_SESSION_EXPIRED: row(
    'The client session {session} is no longer known to the cluster',
    'Open a new session; whether the last command took effect must be read from the state.',
  ),
  // tutti: plans
  TUTTI_PLAN_UNREADABLE: row('The plan {file} cannot be read: {problem}', 'Check the path, and that you may read it.'),
  TUTTI_PLAN_SYNTAX: row(
    '{file}:{line}:{column}: {problem}',
    'Correct that line; the file must be YAML 1.2, JSON, or a module with a default export.',
  ),
  TUTTI_PLAN_INVALID: row(
    '{file}:{line}:{column}: {where}: {problem}',
    'Correct that line; docs/reference/plans.md lists every key.',
  ),
  // runtime: local actors
  TUTTI_ACTOR_ID_INVALID: row(
    'The actor id "{id}" is not usable',
    'Use 1 to 128 of A-Z a-z 0-9 . _ ~ - for each actor.',
  ),
  TUTTI_ACTOR_ID_TAKEN: row(
    'There is an actor at {address} already',
    'Give each sibling its own id, or stop the first one and wait until it is gone.',
  ),
  TUTTI_ACTOR_UNKNOWN: row(
    'There is no actor at {address}',
    'Check the address; the actor may have stopped, or its node may have restarted.',
  ),
  TUTTI_ASK_TIMEOUT: row(
    'No reply from {address} to "{event}" within {timeoutMs} ms',
    'Check that the actor replies to this event, or allow more time with timeoutMs.',
  ),
  TUTTI_ACTOR_FAILED: row(
    'The actor {address} failed: {problem}',
    'Look at the cause; its supervisor decides whether it is started again.',
  ),
} as const satisfies Record<string, ErrorRow>;

/** The name of a row. */
export type ErrorCode = keyof typeof ERRORS;

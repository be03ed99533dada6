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
  // consensus: storage
  TUTTI_STORE_LOCKED: row(
    'The data directory {directory} is in use by process {pid}',
    'Stop that process, or give this node a directory of its own.',
  ),
  TUTTI_STORE_WRONG_CLUSTER: row(
    'The data directory {directory} belongs to the cluster "{found}", not to "{expected}"',
    'Point this node at its own directory; nothing was changed in this one.',
  ),
  TUTTI_STORE_WRONG_NODE: row(
    'The data directory {directory} belongs to the node "{found}", not to "{expected}"',
    'Point this node at its own directory; two nodes must never share one.',
  ),
  TUTTI_STORE_NEWER_VERSION: row(
    'The file {file} was written in format {found}; this version reads up to {supported}',
    'Run the newer version of Tutti that wrote it; nothing was changed.',
  ),
  TUTTI_STORE_CORRUPT: row(
    'The file {file} is damaged at byte {offset}: {problem}',
    'Look at the disk. Then empty this data directory and let the node catch up from the others, if a majority of them is whole.',
  ),
  TUTTI_STORE_TAIL_CUT: row(
    'The last write to {file} was incomplete; {bytes} bytes from byte {offset} on were dropped',
    'Nothing; it is what a crash during a write leaves, and nothing of it had been confirmed.',
  ),
  TUTTI_STORE_FAILED: row(
    'The log store in {directory} failed and takes no more writes: {problem}',
    'Free or replace the disk, then restart the node; it catches up from the others.',
  ),
  // tutti: plans
  TUTTI_PLAN_UNREADABLE: row(
    'The plan {file} cannot be read: {problem}',
    'Check the path, and that you may read it.',
  ),
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
  // tutti: configuration and command line
  TUTTI_CONFIG_UNREADABLE: row(
    'The configuration {file} cannot be read: {problem}',
    'Check the path given with --config.',
  ),
  TUTTI_CONFIG_UNKNOWN_KEY: row('{source} sets "{key}", which is not a setting', 'Use one of: {known}.'),
  TUTTI_CONFIG_INVALID: row(
    '{source} sets "{key}" to {value}: {problem}',
    'The setting is {meaning}; correct its value.',
  ),
  TUTTI_OPTION_INVALID: row('{option} does not take "{value}"', 'Give {expected}.'),
  TUTTI_IDENTITY_INVALID: row(
    'The node identity in {file} cannot be read: {problem}',
    'Restore the file from a backup; without it this directory cannot prove which node it is.',
  ),
  // actors: workers, delegation, master
  TUTTI_WORKER_UNKNOWN: row(
    'No worker on this node can do the {type} work of task "{task}": {problem}',
    'Name a kind of work and a function that exist, or give the node a worker for it.',
  ),
  TUTTI_WORK_FAILED: row('The work failed: {problem}', 'Look at the work itself; Tutti only ran it.'),
  TUTTI_TASK_TIMEOUT: row(
    'Attempt {attempt} of task "{task}" ran longer than {timeoutMs} ms and was aborted',
    'Give the task a longer timeout, or split it.',
  ),
  TUTTI_DELIVERABLE_MISSING: row(
    'Task "{task}" ended without {missing}, which its plan expects',
    "Name every deliverable in the work's result, as a key or as a file.",
  ),
  TUTTI_OUTPUT_INVALID: row(
    'The result of task "{task}" cannot be kept in the log: {problem}',
    'Return plain data that survives JSON; write the large part to a file and name it.',
  ),
  TUTTI_ORCHESTRATOR_RESTARTED: row(
    'The orchestrator "{orchestrator}" on {node} was restarted while attempt {attempt} of task "{task}" ran',
    'Nothing; the attempt is made again.',
  ),
  TUTTI_CAPABILITY_OFF: row(
    'The master has {capability} switched off, and {what} needs it',
    "Switch the capability on in the orchestration's options, or leave that part out of the plan.",
  ),
  TUTTI_SHELL_FAILED: row(
    'The command of task "{task}" ended with {ending}: {tail}',
    'Run the command by hand in the output folder to see why.',
  ),
  TUTTI_WORKER_MODULE_FAILED: row(
    'The worker module {file} cannot be used: {problem}',
    'Check that the file exists, loads under Node without errors and exports the functions that the plan names.',
  ),
} as const satisfies Record<string, ErrorRow>;

/** The name of a row. */
export type ErrorCode = keyof typeof ERRORS;

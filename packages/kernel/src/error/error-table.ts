/** A row of the table: what happened (with `{detail}` holes), and what to do about it. */
export interface ErrorRow {
  readonly message: string;
  readonly wayOut: string;
}

const row = <const Message extends string, const WayOut extends string>(
  message: Message,
  wayOut: WayOut,
) => ({
  message,
  wayOut,
});

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
    'The duration "{value}" cannot be read',
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
    'There is a command for the replicated module "{module}", which {who} does not have',
    'Correct the name; or start every node with the replicated parts, and the version, of the others.',
  ),
  TUTTI_GROUP_EXISTS: row(
    'This node has a group named "{group}" already',
    'Use the one that is there, or give the new group another name.',
  ),
  TUTTI_NO_LEADER: row(
    'The cluster has no leader that this node knows ({known})',
    'Check that a majority of the voters runs and is reachable; the call can be made again.',
  ),
  TUTTI_NOT_LEADER: row(
    'Node {nodeId} does not lead the group: {known}',
    'Ask the node that is named; when none is, ask again once there is a leader.',
  ),
  TUTTI_LEADERSHIP_MOVING: row(
    'Leadership is being handed to {target}',
    'Try again in a moment: it ends within an election timeout, either way.',
  ),
  TUTTI_TRANSFER_UNKNOWN: row(
    'Leadership cannot go to {target}: the group has no such voter',
    "Name one of the voters in the replica's status, or none to let the leader choose.",
  ),
  TUTTI_TRANSFER_NOT_VOTER: row(
    'Leadership cannot go to {target}, which is a learner and has no vote',
    'Name a voter, or promote the learner first.',
  ),
  TUTTI_TRANSFER_NEEDLESS: row('{target} leads the group already', 'Nothing; or name another voter.'),
  TUTTI_TRANSFER_TIMEOUT: row(
    'Leadership was not taken over by {target} within {timeoutMs} ms',
    'Check that the target runs, is reachable and keeps up; the old leader has gone on, and it can be tried again.',
  ),
  TUTTI_TRANSFER_TARGET_LOST: row(
    'Leadership does not go to {target}, which {why}',
    'Name another voter, or none to let the leader choose; the old leader has gone on.',
  ),
  TUTTI_MEMBERSHIP_CHANGING: row(
    'Another change of the membership is under way: {under}',
    'Wait until it is committed, as the status of the replica shows, and ask again.',
  ),
  TUTTI_MEMBERSHIP_INVALID: row(
    'The group cannot become what "{change}" asks for: {problem}',
    'Name every node once, with a contact address of at most 512 characters, and at most 64 nodes.',
  ),
  TUTTI_NOT_A_MEMBER: row(
    '{node} cannot be {what}: it is no member of the group',
    'Look up the members in the status of a replica. To promote a node, add it as a learner first.',
  ),
  TUTTI_NO_VOTER_LEFT: row(
    'After "{change}" nobody could vote',
    'Add or promote another voter first; to end the group, stop its nodes.',
  ),
  TUTTI_MEMBER_BEHIND: row(
    '{node} cannot vote yet: it has not caught up with the log',
    'Ask again when it has, or add it with promote, so that it votes as soon as it can.',
  ),
  TUTTI_OUTCOME_UNKNOWN: row(
    '{what} was sent but not confirmed {when}; it may or may not have taken effect',
    'Read the state to find out, or repeat the same call if it does no harm twice.',
  ),
  TUTTI_PROPOSAL_TOO_LARGE: row(
    'A proposal of {bytes} bytes exceeds the limit of {limitBytes}',
    'Split it, or keep the large part outside the log and propose a reference to it.',
  ),
  TUTTI_OVERLOADED: row(
    '{what} is full: {size} of at most {limit}',
    'Slow down and try again; nothing was taken in.',
  ),
  TUTTI_SESSION_EXPIRED: row(
    'The client session {session} is no longer known to the cluster',
    'Read from the state whether the command took effect; the next one opens a new session by itself.',
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
  TUTTI_STORE_FOREIGN_FILE: row(
    'The file {file} was written by {found}, and stands where those of {expected} belong',
    'Bring back the files that stood here before; docs/operations.md says what to do where they are lost. Nothing was changed.',
  ),
  TUTTI_STORE_NEWER_VERSION: row(
    'The file {file} was written in format {found}; this version reads up to {supported}',
    'Run the newer version of Tutti that wrote it; nothing was changed.',
  ),
  TUTTI_STORE_CORRUPT: row(
    'The file {file} is damaged at byte {offset}: {problem}',
    'Look at the disk. If a majority of the others is whole, take this node out of the group and add a new one under another name: emptied and under its old name it would vote without what it has promised.',
  ),
  TUTTI_STORE_TAIL_CUT: row(
    'The last write to {file} was incomplete; {bytes} bytes from byte {offset} on were dropped',
    'Nothing; it is what a crash during a write leaves, and nothing of it had been confirmed.',
  ),
  TUTTI_STORE_FAILED: row(
    'The log store in {directory} failed and takes no more writes: {problem}',
    'Free the disk, then restart the node with the same directory; it catches up from the others. If the directory is lost with the disk, take the node out of the group and add a new one under another name.',
  ),
  TUTTI_STORE_HUNG: row(
    'The disk under the log store has not answered for {waitedMs} ms, and this node stops',
    'Look at the disk and its driver, then start the node again; nothing that was confirmed is lost, and it catches up from the others.',
  ),
  TUTTI_STORE_FULL: row(
    'There is no space left for the log store in {directory}, and nothing was taken',
    'Free some space, and the node goes on by itself; until then call another node, which may have some.',
  ),
  TUTTI_STORE_REPAIRING: row(
    'This node repairs its log store from its peers and takes no part until that is done ({damage})',
    'Call another node, or wait: it goes on by itself when the others can be reached.',
  ),
  TUTTI_STORE_BEYOND_REPAIR: row(
    'The log store is damaged and cannot be repaired: {problem} ({damage})',
    'If a majority of the others is whole, take this node out of the group and add a new one under another name. Only a node that is alone is restored from a backup.',
  ),
  TUTTI_RECOVERY_REFUSED: row(
    'The survivors {survivors} cannot go on without the others: {problem}',
    'Nothing was changed. Name the nodes that are left, and only if a majority is lost for good.',
  ),
  TUTTI_RECOVERY_UNCONFIRMED: row(
    'With this, {voters} would be the whole cluster. {loss} Nothing was changed',
    'If the other nodes never come back, run it again with --yes-i-may-lose-data. If enough of them may, start them instead.',
  ),
  TUTTI_RECOVERY_UNFINISHED: row(
    'The node in {directory} does not start: its recovery was interrupted',
    'Run the same `tutti cluster recover` again.',
  ),
  TUTTI_BACKUP_UNUSABLE: row(
    'The backup {file} cannot be used: {problem}',
    'Check the path, or use another backup; nothing was changed.',
  ),
  TUTTI_BACKUP_EXISTS: row(
    'There is something at {file} already, and no backup was taken',
    'Give another name, or have it replaced with --force (in a program `replace: true`).',
  ),
  TUTTI_BACKUP_UNWRITABLE: row(
    'The backup cannot be written to {file}: {problem}',
    'Name a file in a folder that is there, that you may write to and that has room; the cluster goes on, and no backup was left.',
  ),
  TUTTI_RESTORE_NOT_EMPTY: row(
    'A cluster is restored into a new directory, and {directory} is not empty',
    'Give another directory with --dir, or move away what is there.',
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
    'Check the address, as `tutti tree` shows it; the actor may have stopped, or its node may have restarted.',
  ),
  TUTTI_ASK_TIMEOUT: row(
    'No reply from {address} to "{event}" within {timeoutMs} ms',
    'Check that the actor replies to this event, or allow more time with timeoutMs.',
  ),
  TUTTI_MACHINE_UNSTABLE: row(
    'One event caused more than {limit} microsteps in a machine without coming to rest',
    'Look for a cycle of always transitions or raised events, or raise limits.microsteps.',
  ),
  TUTTI_ACTOR_FAILED: row(
    'The actor {address} failed: {problem}',
    'Look at the cause; its supervisor decides whether it is started again.',
  ),
  TUTTI_SERVICE_KEY_INVALID: row(
    'The key "{key}" cannot be registered at the receptionist',
    'Use a text of 1 to 256 characters.',
  ),
  TUTTI_TOPIC_INVALID: row(
    'The topic "{topic}" is not usable',
    'Join parts of A-Z a-z 0-9 _ ~ - by dots; only to subscribe, use * for one part, or ** at the end for the rest.',
  ),
  TUTTI_MESSAGE_INVALID: row(
    'This is no message that can be handled: {problem}',
    'Correct the sender; the kinds and fields are described at Envelope.',
  ),
  TUTTI_REVISION_MISMATCH: row(
    'The key "{key}" of {store} has revision {actual}, and not {expected}',
    'Read it again, decide anew, and write with the revision that it has.',
  ),
  TUTTI_REVISION_COMPACTED: row(
    'The changes of {store} from revision {from} on are not kept; the first that is kept is {first}',
    'Read the state as it is, and watch from the revision after it.',
  ),
  TUTTI_THREADS_OFF: row(
    'This actor system has no threads, so that nothing can be placed on one',
    'Make the node with createNode, which has them, or hand in `threads`.',
  ),
  TUTTI_THREADED_MISPLACED: row(
    'An actor of a thread cannot be {how}',
    'Spawn it with node.spawn or list it under a supervisor, and send to its ref from wherever it is needed.',
  ),
  TUTTI_SUPERVISOR_MISPLACED: row(
    'A supervisor cannot be {how}',
    'Spawn it with node.spawn, with the ref of whom it is to end with as parent, or list it under a supervisor.',
  ),
  TUTTI_THREAD_MODULE: row(
    'The logic "{exported}" cannot be had from {module}: {problem}',
    'Give the URL of a module that can be imported by itself, and the name under which it exports the logic.',
  ),
  TUTTI_THREAD_VALUE: row(
    '{what} cannot cross to another thread: {problem}',
    'Send data alone: no functions, symbols or objects of the system; refs may be among it.',
  ),
  TUTTI_THREAD_LOST: row(
    'Thread {thread} has ended: {why}',
    'Nothing, if its actors are restarted by their policy; what they had not handled is among the dead letters.',
  ),
  TUTTI_DELIVERY_EXPIRED: row(
    '{address} has forgotten the channel {channel}, and cannot tell which of its messages it has handled',
    'Find out from its state what took effect, and send the rest over a new channel.',
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
  TUTTI_VIRTUAL_REAL_WORK: row(
    'The task "{task}" does {type} work, which takes real time',
    'Run the plan without `--time virtual`, or describe its tasks with `simulate:`.',
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
  // actors: plans
  TUTTI_PLAN_EMPTY: row('{at}: the plan "{plan}" has no tasks', 'Give it at least one task.'),
  TUTTI_PLAN_TOO_LARGE: row(
    '{at}: the plan has {size} {what}, and the limit is {limit}',
    'Split it into several sessions, or have one task do the work of many.',
  ),
  TUTTI_PLAN_VALUE_INVALID: row('{at}: {field} of "{owner}" is {value}', 'Use {expected}.'),
  TUTTI_PLAN_TASK_DUPLICATE: row(
    '{at}: there is already a task called "{task}"',
    'Give each task an id of its own.',
  ),
  TUTTI_PLAN_SELF_NEED: row('{at}: the task "{task}" needs itself', 'Remove it from its own needs.'),
  TUTTI_PLAN_NEED_DUPLICATE: row(
    '{at}: the task "{task}" names its need "{need}" twice',
    'Remove one of the two.',
  ),
  TUTTI_PLAN_NEED_MISSING: row(
    '{at}: the task "{task}" needs "{need}", which is not in the plan{hint}',
    'Correct the name, or add the task.',
  ),
  TUTTI_PLAN_CYCLE: row(
    '{at}: these tasks need one another in a circle: {path}',
    'Remove one of the needs on the way; none of these tasks could ever start.',
  ),
  TUTTI_PLAN_ORCHESTRATOR_UNKNOWN: row(
    '{at}: "{owner}" names the orchestrator "{orchestrator}", which the plan does not list{hint}',
    'Correct the name, or list the orchestrator.',
  ),
  TUTTI_PLAN_ORCHESTRATOR_DUPLICATE: row(
    '{at}: the orchestrator "{orchestrator}" is listed twice',
    'Remove one of the two.',
  ),
  TUTTI_PLAN_BARRIER_DUPLICATE: row(
    '{at}: there is already a barrier called "{barrier}"',
    'Give each barrier an id of its own.',
  ),
  TUTTI_PLAN_BARRIER_TASK_UNKNOWN: row(
    '{at}: the barrier "{barrier}" names "{task}" in its `{side}`, which is not in the plan{hint}',
    'Correct the name, or add the task.',
  ),
  TUTTI_PLAN_BARRIER_EMPTY: row(
    '{at}: the barrier "{barrier}" has no participants',
    'Name the orchestrators that meet there, and their tasks under `after`.',
  ),
  TUTTI_PLAN_BARRIER_PARTICIPANT_IDLE: row(
    '{at}: "{participant}" takes part in the barrier "{barrier}" but has no task in its `after`, so it would never arrive',
    'Add one of its tasks to `after`, or take it off the participants.',
  ),
  TUTTI_PLAN_BARRIER_PARTICIPANT_MISSING: row(
    '{at}: the barrier "{barrier}" waits for the task "{task}" of "{orchestrator}", which does not take part in it',
    'Add "{orchestrator}" to the participants, or the task to the needs of the tasks in `before`.',
  ),
  TUTTI_PLAN_BARRIER_NEVER_FILLS: row(
    '{at}: the barrier "{barrier}" can never fill, because what it waits for waits for it: {path}',
    'Break the circle: a task in `after` must not depend on a task in `before`.',
  ),
  TUTTI_PLAN_BARRIER_CHECK_UNKNOWN: row(
    '{at}: the barrier "{barrier}" asks for the check "{check}", which is not known{hint}',
    'Use one of {known}, or register the detector.',
  ),
  // actors: task board
  TUTTI_BOARD_COMMAND_INVALID: row(
    'This is not a command of the task board: {problem}',
    'Send it from the same version of Tutti as the cluster runs.',
  ),
  TUTTI_BOARD_SNAPSHOT_INVALID: row(
    'The snapshot of the task board cannot be restored: {problem}',
    'Restore the node from another member; the snapshot was written by another version or is damaged.',
  ),
  TUTTI_SESSION_UNKNOWN: row(
    'There is no session "{session}"',
    'List the sessions, as `tutti ps` does; of those that are over, only the latest are kept (by default 100, fewer when they have many tasks).',
  ),
  TUTTI_SESSION_EXISTS: row(
    'The session "{session}" was opened with another plan, mode or folder',
    'Choose another id, or let the first one be.',
  ),
  TUTTI_SESSION_ENDED: row('The session "{session}" is over: {state}', 'Open a new session.'),
  TUTTI_SESSION_CLOSED: row(
    'The session "{session}" is closed: nothing more is added to it',
    'Add to another session; this one ends when what it has is done.',
  ),
  TUTTI_SESSION_IN_WAVES: row(
    'The session "{session}" runs in waves, and has to be complete from the start: nothing can be added to it',
    'Submit it with the mode `eager`.',
  ),
  TUTTI_SUBMISSION_DIFFERS: row(
    'Other tasks were added to the session "{session}" as "{submission}"',
    'Give each submission a name of its own; the same name stands for the same tasks.',
  ),
  TUTTI_BOARD_LEVEL_LOW: row(
    'The command {command} needs members of level {required}, and one is of level {level}',
    'Bring every node to the new version of Tutti first.',
  ),
  TUTTI_SESSION_CANCELLED: row(
    'The session was cancelled: {reason}',
    'Open it again when the reason is gone.',
  ),
  TUTTI_TASK_UNKNOWN: row(
    'The session "{session}" has no task "{task}"{hint}',
    'Check the name: `tutti ps SESSION` shows each task by its key in the plan.',
  ),
  TUTTI_TASK_NOT_READY: row(
    'The task "{task}" of session "{session}" is {state}, not ready',
    'Assign only what the board calls ready.',
  ),
  TUTTI_TASK_NOT_RUNNING: row(
    'The task "{task}" of session "{session}" is {state}, not running',
    'Start the attempt before reporting its result.',
  ),
  TUTTI_TASK_NOT_IN_BACKOFF: row(
    'The task "{task}" of session "{session}" is {state}; it is not waiting for a retry',
    'Nothing; something else has moved it on.',
  ),
  TUTTI_TASK_NOT_OPTIONAL: row(
    'The task "{task}" of session "{session}" is not optional and cannot be given up',
    'Mark it `optional` in the plan, or cancel the session.',
  ),
  TUTTI_TASK_ENDED: row(
    'The task "{task}" of session "{session}" is over: {state}',
    'Nothing; it has ended.',
  ),
  TUTTI_TASK_FELLS_NODES: row(
    'The task "{task}" took its node or orchestrator with it {times} times in a row',
    'Find out in the logs of the nodes what it does to them; running out of memory is the usual reason.',
  ),
  TUTTI_TASK_FAILED: row(
    'The task "{task}" failed for good after {failures} of {attemptsMax} attempts: {problem}',
    'Look at its last attempt, correct the cause, and run the plan again.',
  ),
  TUTTI_FENCE_STALE: row(
    'Fence {fence} of the task "{task}" is no longer valid: {why}',
    'Stop this attempt and drop its result; another one has taken over, or the session is over.',
  ),
  TUTTI_HOLDER_LOST: row(
    'Life {incarnation} of node {node} was given up by the cluster',
    'Assign to a node that is up; this one has to come back with a new incarnation.',
  ),
  TUTTI_ORCHESTRATOR_FULL: row(
    'The orchestrator "{orchestrator}" on {node} runs {size} of at most {limit} tasks',
    'Start it when one of them has ended.',
  ),
  TUTTI_BARRIER_UNKNOWN: row(
    'The session "{session}" has no barrier "{barrier}"',
    'Check the name in the plan.',
  ),
  TUTTI_BARRIER_NOT_FULL: row(
    'Generation {generation} of the barrier "{barrier}" is {state}, not full',
    'Resolve only what the board calls full; somebody else may have been first.',
  ),
  TUTTI_BARRIER_CONFLICT: row(
    'At the barrier "{barrier}", {first} and {second} disagree about {subject}: {explanation}',
    'Bring the two sides into agreement and run the plan again.',
  ),
  TUTTI_DETECTOR_UNKNOWN: row(
    'There is no conflict detector "{check}"',
    'Use one of {known}, or register it.',
  ),
  TUTTI_DETECTOR_DUPLICATE: row(
    'A conflict detector "{check}" is registered already',
    'Give each detector a name of its own.',
  ),
  TUTTI_PROFILE_INVALID: row('{field} of the profile "{profile}" is {value}', 'Use {expected}.'),
  // transport
  TUTTI_PORT_IN_USE: row(
    'Port {port} on {host} is in use by another process',
    'Stop that process, or listen on another port; port 0 takes a free one.',
  ),
  TUTTI_LISTEN_FAILED: row(
    'Cannot listen on {host}, port {port}: {problem}',
    'Listen on an address that this machine has and on a port that this user may open.',
  ),
  TUTTI_PEER_WRONG_CLUSTER: row(
    'Node "{nodeId}" belongs to cluster "{theirs}", and this node to "{ours}"',
    'Correct the address, or give both nodes the same cluster id.',
  ),
  TUTTI_PEER_UNKNOWN: row(
    'Node "{theirs}" is not the peer that "{ours}" expects ({expected})',
    'Add it with its address and public key, or correct the address that led to it.',
  ),
  TUTTI_PEER_KEY_MISMATCH: row(
    'Node "{nodeId}" shows the key {theirs}, but {ours} is configured for it',
    'Update the configured key if it was changed on purpose; else somebody speaks in its name.',
  ),
  TUTTI_PEER_WIRE_VERSION: row(
    'Node "{nodeId}" speaks wire versions {theirs}, and this node {ours}',
    'Upgrade the older of the two; neighbouring releases overlap.',
  ),
  TUTTI_PEER_BAD_SIGNATURE: row(
    'Node "{nodeId}" did not prove that it holds the key {theirs}',
    'Check the secret key that it was started with; else somebody speaks in its name.',
  ),
  TUTTI_PEER_STALE: row(
    'Node "{nodeId}" comes as incarnation {theirs}, but {ours} was seen already',
    'Stop the older process; an incarnation must grow with every start.',
  ),
  TUTTI_HANDSHAKE_TIMEOUT: row(
    'No link with {peer} within {timeoutMs} ms of connecting',
    'Check that a node of this cluster listens there and is not overloaded.',
  ),
  TUTTI_FRAME_TOO_LARGE: row(
    'A frame of {bytes} bytes exceeds the limit of {limitBytes}',
    'Split the message, or raise the frame limit on every node.',
  ),
  TUTTI_FRAME_MALFORMED: row(
    'A frame cannot be read: {problem}',
    'Check that the other end is a node of this cluster and not some other program.',
  ),
  TUTTI_VALUE_NOT_PLAIN: row(
    'A message cannot be sent as it is: {problem}',
    'Send plain data: null, booleans, numbers, text, Uint8Array, and arrays and objects of these.',
  ),
  // runtime: cluster
  TUTTI_STARTED: row(
    '{what} must be declared before the cluster is started',
    'Declare it before calling start().',
  ),
  TUTTI_ENTITY_KIND_INVALID: row(
    'The entity kind "{kind}" is not usable',
    'Use 1 to 64 of a-z A-Z 0-9 . _ - and begin with a letter or digit.',
  ),
  TUTTI_ENTITY_KIND_TAKEN: row('The entity kind "{kind}" is declared already', 'Declare each kind once.'),
  TUTTI_ENTITY_KIND_UNKNOWN: row(
    'The entity kind "{kind}" is not declared on this node',
    'Declare it with entity(...) before the start, on every node of the cluster.',
  ),
  TUTTI_EPOCH_STALE: row(
    'Shard {shard} has moved on: epoch {epoch} of {node} is no longer valid',
    'Send the message again; it reaches the new owner.',
  ),
  TUTTI_VERSION_CONFLICT: row(
    'The entity {kind}/{key} has been changed by another owner since its version {expected}',
    'Send the message again; the entity goes on from its last committed state.',
  ),
  TUTTI_SHARDS_MISMATCH: row(
    'This cluster has {shards} shards; this node is configured for {given}',
    'Use the same number on every node; it cannot be changed while the cluster lives.',
  ),
  TUTTI_ENTITY_OPTIONS_INVALID: row(
    'The option "{option}" of the entity kind "{kind}" cannot be so: {problem}',
    'Correct the options that are given with the kind.',
  ),
  TUTTI_DECLARATION_MISMATCH: row(
    '{node} declares "{name}" otherwise than the member {member}: {what} is {ours} there and {theirs} here',
    'Declare it the same on every node; code that changes what is stored gets a higher version.',
  ),
  TUTTI_LEASE_MISMATCH: row(
    '{node} would take over after {takeoverWaitMs} ms what {holder} may hold for {leaseMs} ms',
    'Give every node the same leaseMs and takeoverWaitMs; to change them in a running cluster, raise takeoverWaitMs on all nodes first.',
  ),
  TUTTI_CLUSTER_LEVEL: row(
    '{node} can apply the log of this cluster up to level {level}, and level {required} is in use',
    'Start the node with the version of Tutti that the other members run.',
  ),
  TUTTI_CLUSTER_LEVEL_LOW: row(
    '{what} needs members of level {required}, and one is of level {level}',
    'Bring every node to the new version of Tutti first; of a logic raise the version after that.',
  ),
  TUTTI_SNAPSHOT_NEWER: row(
    'The stored state of {of} is of version {stored} of {machine}; this node has version {declared}',
    'Start the newer code on this node. Nothing was overwritten.',
  ),
  TUTTI_SNAPSHOT_CHANGED: row(
    'The stored state of {of} is of other code with the same version {declared}: {storedHash}, and here {declaredHash}',
    'Raise `version` where it is declared and give `migrate`, or start the code that wrote it. Nothing was overwritten.',
  ),
  TUTTI_SNAPSHOT_MIGRATION_MISSING: row(
    'The stored state of {of} is of version {stored} of {machine}; this node has version {declared} and no migration',
    'Give `migrate` where it is declared, from version {stored} to {declared}. Nothing was overwritten.',
  ),
  TUTTI_SNAPSHOT_MIGRATION_FAILED: row(
    'The stored state of {of} could not be migrated from version {stored} to {declared}: {problem}',
    'Correct `migrate`: it is given the stored snapshot and returns one of the new version. Nothing was overwritten.',
  ),
  TUTTI_REPLICATED_VERSION: row(
    'The log has an event for version {version} of the replicated logic "{name}"; this node has version {declared}',
    'Start version {version}, have each node take a snapshot when all is quiet, and start version {declared} then.',
  ),
  TUTTI_MEMBER_SUPERSEDED: row(
    'Life {incarnation} of node {node} is over for the cluster: {why}',
    'Restart the node; it joins again with a new incarnation.',
  ),
  TUTTI_MEMBER_COMMAND_REFUSED: row(
    '{node} in life {incarnation} cannot become {to}: it is {from}',
    'Nothing; the members have changed meanwhile.',
  ),
  TUTTI_CLUSTER_COMMAND_INVALID: row(
    'The module "{module}" does not know this command: {problem}',
    'Run the same version of Tutti on every node.',
  ),
  TUTTI_NODE_UNREACHABLE: row(
    'Node {node} cannot be reached for {address}: {why}',
    'Try again later; if the node is lost, its entities answer from another one.',
  ),
  TUTTI_VALUE_TOO_DEEP: row(
    'A value is nested deeper than {limit} levels, or contains itself',
    'Send plain data without cycles.',
  ),
  TUTTI_REPLICATED_REFUSED: row(
    'The replicated logic "{name}" failed on the event "{event}": {problem}',
    'The state is unchanged; correct the event or the logic.',
  ),
  // tutti: nodes
  TUTTI_NODE_NEEDS_LISTEN: row(
    'The node {node} is to have peers but does not listen',
    'Give it `listen` with a port, such as 7001, so that its peers can reach it.',
  ),
  TUTTI_NODE_EVICTED: row(
    'The cluster has declared this life of node {node} lost',
    'Start the node again; it joins with a new incarnation.',
  ),
  TUTTI_ORCHESTRATION_OFF: row(
    'The node {node} takes part in no plans',
    'Make the node without `orchestration: false`, or ask another one.',
  ),
  TUTTI_GROUP_OF_ONE: row(
    'The node {node} is alone and keeps nothing: it has no group to operate',
    'Give the node a `dataDir`, or `listen` and `peers`.',
  ),
  // tutti: local clusters and their admin interface
  TUTTI_NODE_DIED: row(
    'The process of node {node} ended before it was ready: {output}',
    'Correct what its last lines say, and start it again.',
  ),
  TUTTI_NODE_UNKNOWN: row('There is no node "{node}"', 'The nodes are {known}.'),
  TUTTI_NODE_STARTING: row(
    'The node {node} is still starting',
    'Ask again in a moment, or ask another node.',
  ),
  TUTTI_CLUSTER_NOT_RUNNING: row(
    'No cluster runs in {directory} ({problem})',
    'Start one there with `tutti up`, or name another directory with --dir.',
  ),
  TUTTI_FOLDER_OF_NODE: row(
    'A cluster cannot be kept in {directory}, which belongs to the node in {owner}',
    'Name another directory with --dir; that of the cluster itself is the one above the folders of its nodes.',
  ),
  TUTTI_QUORUM_LOST: row(
    'The cluster can agree on nothing more ({why}): {running} of {nodes} nodes run, and {quorum} are needed',
    'Run the plan again with more nodes, or with fewer of them killed.',
  ),
  TUTTI_FOLDER_UNWRITABLE: row(
    'The folder {folder} cannot be made or written to: {problem}',
    'Name another place with --out, --dir or the variable TMPDIR, or allow writing there.',
  ),
  // tutti: testing
  TUTTI_INVARIANT_BROKEN: row(
    'The invariant "{name}" does not hold after {atMs} ms of virtual time in seed {seed}: {problem}',
    'Read the last lines of `cluster.trace()`; the same seed gives the same run again.',
  ),
  TUTTI_TEST_NODE_FAILED: row(
    'Node {node} ended by itself after {atMs} ms of virtual time in seed {seed}: {problem}',
    'Read the last lines of `cluster.trace()`; what is thrown outside of an actor ends a real process too.',
  ),
  TUTTI_TEST_STUCK: row(
    '{what} did not come to its end within {limitMs} ms of virtual time after everything was healed, in seed {seed}',
    'Look in the trace for what it waits for; if it only takes long, give the test a longer `settleMs`.',
  ),
  TUTTI_TEST_INVALID: row(
    '{file} is no test that can be played: {problem}',
    'Export `defineClusterTest(...)` from `tutti/testing` as its default.',
  ),
  TUTTI_TEST_NOT_REPEATABLE: row(
    'Seed {seed} of {file} is another run each time; two of them part at: {where}',
    'Make what a test keeps in a function given to `defineClusterTest`, and do nothing in it that takes real time.',
  ),
  TUTTI_USAGE: row('The command line is wrong: {problem}', 'See what the command takes with --help.'),
  TUTTI_NO_LAUNCHER: row(
    'Node {node} has no launcher that could start or end the processes of others',
    'Start the process with `joins: true` and call `node.group.addLearner`; to be rid of one, `node.group.removeMember`.',
  ),
  TUTTI_ADMIN_UNREACHABLE: row(
    'No node of the cluster{where} answers: {problem}',
    'Start it again with `tutti up` and the same --dir: what it had acknowledged is kept, and open sessions go on. Or name the directory of another cluster with --dir.',
  ),
  TUTTI_ADMIN_UNAUTHORIZED: row(
    'The admin interface of {node} was called without its token',
    'Send the token that cluster.json in the cluster directory holds.',
  ),
} as const satisfies Record<string, ErrorRow>;

/** The name of a row. */
export type ErrorCode = keyof typeof ERRORS;

type HolesIn<Template extends string> = Template extends `${string}{${infer Hole}}${infer Rest}`
  ? Hole | HolesIn<Rest>
  : never;

/** The names of the details that the message and the way out of a code show. */
export type DetailsOf<Code extends ErrorCode> = Code extends ErrorCode
  ? HolesIn<(typeof ERRORS)[Code][keyof ErrorRow]>
  : never;

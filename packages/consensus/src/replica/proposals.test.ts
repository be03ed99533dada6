import { isTuttiError, type NodeId, nodeId, TuttiError, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { decodeCommand, NameTable } from './command.ts';
import { type ProposalRoute, Proposals } from './proposals.ts';
import { REPLICA_DEFAULTS } from './replica-options.ts';
import { newReplicaStats } from './replica-stats.ts';
import { type SessionRow, SessionTable } from './session-table.ts';
import { StageWatch } from './stage-times.ts';

const name = new TextEncoder().encode('m');
const self = nodeId('a');
const refusal = () => new TuttiError('TUTTI_NOT_LEADER', { nodeId: self, known: 'b leads' });

/** One proposal in session 1, sent as often as there are terms; what it came to when the session had expired. */
function expiredAfter(terms: readonly number[]): {
  failure: Error | undefined;
  done: boolean;
  frames: number;
} {
  const clock = new VirtualClock();
  const stages = new StageWatch(clock);
  const proposals = new Proposals(clock, REPLICA_DEFAULTS, self, () => 'nonce', newReplicaStats(), stages);
  const outcome = { failure: undefined as Error | undefined, done: false, frames: 0 };
  const route = (value: number): ProposalRoute => ({
    term: term(value),
    leader: self,
    propose: () => (outcome.frames++, true),
    forward: () => false,
    refusal,
  });
  proposals.add('It', name, new Uint8Array(1), undefined, (failure) =>
    Object.assign(outcome, { failure, done: true }),
  );
  proposals.pump(route(terms[0]!));
  proposals.sessionOpened('nonce', 1);
  for (const value of terms) proposals.resend(route(value));
  proposals.commandApplied(1, 1, 'expired');
  proposals.pump(route(terms.at(-1)!));
  return outcome;
}

test('a command that was sent once and met a forgotten session goes out again in a new one', () => {
  expect(expiredAfter([1])).toEqual({ failure: undefined, done: false, frames: 3 });
});

test('a command that was sent twice and met a forgotten session is not repeated: it may have been applied', () => {
  const { failure, done } = expiredAfter([1, 2]);
  expect(done).toBe(true);
  expect(isTuttiError(failure, 'TUTTI_SESSION_EXPIRED')).toBe(true);
});

test('a command that only a leader may take, and that comes back from a forgotten session, is not taken elsewhere', () => {
  const clock = new VirtualClock();
  const stages = new StageWatch(clock);
  const proposals = new Proposals(clock, REPLICA_DEFAULTS, self, () => 'nonce', newReplicaStats(), stages);
  const ends: Record<string, Error | undefined> = {};
  let forwarded = 0;
  const route = (leader: NodeId): ProposalRoute => ({
    term: term(1),
    leader,
    propose: () => true,
    forward: (frames) => ((forwarded += frames.length), true),
    refusal,
  });
  for (const elsewhere of ['refuse', 'forward'] as const)
    proposals.add('It', name, new Uint8Array(1), { elsewhere }, (failure) => (ends[elsewhere] = failure));
  proposals.pump(route(self));
  proposals.sessionOpened('nonce', 1);
  proposals.pump(route(self));
  // Both were appended here; another leads when they are applied, and the session is forgotten by then.
  for (const sequence of [1, 2]) proposals.commandApplied(1, sequence, 'expired');
  proposals.pump(route(nodeId('b')));
  proposals.sessionOpened('nonce', 2);
  proposals.pump(route(nodeId('b')));
  expect(Object.keys(ends)).toEqual(['refuse']);
  expect(isTuttiError(ends['refuse'], 'TUTTI_NOT_LEADER')).toBe(true);
  // A session, and the one command that may go elsewhere.
  expect(forwarded).toBe(2);
});

test('what is sent stays within a bound of the oldest that has no result, since its results are kept from there on', () => {
  const clock = new VirtualClock();
  const config = { ...REPLICA_DEFAULTS, pendingMax: 2 };
  const proposals = new Proposals(
    clock,
    config,
    self,
    () => 'nonce',
    newReplicaStats(),
    new StageWatch(clock),
  );
  let frames = 0;
  const route = {
    term: term(1),
    leader: self,
    propose: () => (frames++, true),
    forward: () => false,
    refusal,
  };
  const add = () => proposals.add('It', name, new Uint8Array(1), undefined, () => {});
  add();
  proposals.pump(route);
  proposals.sessionOpened('nonce', 1);
  proposals.pump(route);
  const opening = 1;
  // The first never gets its result; all others get theirs at once.
  for (let sequence = 2; sequence <= 20; sequence++) {
    if (proposals.size < 2) add();
    proposals.pump(route);
    proposals.commandApplied(1, sequence, { result: sequence });
  }
  expect(frames - opening).toBe(8);
  proposals.commandApplied(1, 1, { result: 1 });
  proposals.pump(route);
  expect(frames - opening).toBe(9);
});

test('calls that were aborted take no place of others, wherever they wait', () => {
  const clock = new VirtualClock();
  const config = { ...REPLICA_DEFAULTS, pendingMax: 3 };
  const stages = new StageWatch(clock);
  const proposals = new Proposals(clock, config, self, () => 'nonce', newReplicaStats(), stages);
  const add = (signal?: AbortSignal) =>
    proposals.add('It', name, new Uint8Array(1), signal && { signal }, () => {});
  add();
  for (let round = 0; round < 20; round++) {
    const calledOff = new AbortController();
    for (const signal of [calledOff.signal, calledOff.signal]) add(signal);
    expect(add).toThrow(expect.objectContaining({ code: 'TUTTI_OVERLOADED' }));
    calledOff.abort();
    expect(proposals.size).toBe(1);
  }
  const frames: Uint8Array[] = [];
  const propose = (frame: Uint8Array) => frames.push(frame) > 0;
  const route = { term: term(1), leader: self, propose, forward: () => false, refusal };
  proposals.pump(route);
  proposals.sessionOpened('nonce', 1);
  proposals.pump(route);
  // An opening, and the one command that nobody called off.
  expect(frames).toHaveLength(2);
  proposals.commandApplied(1, 1, { result: null });
  expect(proposals.size).toBe(0);
});

/** What is sent in a leader's own log after the opening, when a snapshot with these sessions has replaced the state. */
function sentAfter(...rows: readonly SessionRow[]): object {
  const clock = new VirtualClock();
  let nonces = 0;
  const nonce = () => `/a/1/${++nonces}`;
  const stages = new StageWatch(clock);
  const proposals = new Proposals(clock, REPLICA_DEFAULTS, self, nonce, newReplicaStats(), stages);
  const frames: Uint8Array[] = [];
  const propose = (frame: Uint8Array) => frames.push(frame) > 0;
  const route = { term: term(1), leader: self, propose, forward: () => false, refusal };
  proposals.add('It', name, new Uint8Array(1), undefined, () => {});
  proposals.pump(route);
  const table = new SessionTable();
  table.restore(rows);
  proposals.restored(table);
  proposals.pump(route);
  expect(frames).toHaveLength(2);
  return decodeCommand(frames[1]!, new NameTable());
}

test('an opening that a snapshot stands for is answered by it; where that cannot be told, another one is sent', () => {
  expect(sentAfter([6, 1, [], '/b/1/5'], [7, 1, [], '/a/1/1'])).toMatchObject({
    form: 'command',
    session: 7,
  });
  expect(sentAfter([6, 1, [], '/b/1/5'])).toMatchObject({ form: 'open', nonce: '/a/1/1' });
  // Of a node of the version before: one of these may be what the opening made.
  expect(sentAfter([6, 1, [], '/b/1/5'], [7, 1, []])).toMatchObject({ form: 'open', nonce: '/a/1/2' });
});

test('a command that its one leader refused was not taken; one that another was sent before may have been', () => {
  const clock = new VirtualClock();
  const stages = new StageWatch(clock);
  const proposals = new Proposals(clock, REPLICA_DEFAULTS, self, () => 'nonce', newReplicaStats(), stages);
  const [b, c] = [nodeId('b'), nodeId('c')];
  const route = (inTerm: number, leader: NodeId): ProposalRoute => ({
    term: term(inTerm),
    leader,
    propose: () => false,
    forward: () => true,
    refusal,
  });
  const ends: (Error | undefined)[] = [];
  for (const at of [0, 1])
    proposals.add('It', name, new Uint8Array(1), undefined, (failure) => (ends[at] = failure));
  proposals.pump(route(1, b));
  proposals.sessionOpened('nonce', 1);
  proposals.pump(route(1, b));
  proposals.refused(b, { session: 1, sequence: 1 });
  expect(ends[0]).toMatchObject({
    code: 'TUTTI_MODULE_UNKNOWN',
    details: { module: 'm', who: 'the leader b' },
  });
  proposals.resend(route(2, c));
  // A word of the former leader, of another session, or of what was answered, says nothing of this attempt.
  proposals.refused(b, { session: 1, sequence: 2 });
  proposals.refused(c, { session: 2, sequence: 2 });
  proposals.refused(c, { session: 1, sequence: 1 });
  expect(ends).toHaveLength(1);
  proposals.refused(c, { session: 1, sequence: 2 });
  expect(ends[1]).toMatchObject({ code: 'TUTTI_OUTCOME_UNKNOWN', cause: { code: 'TUTTI_MODULE_UNKNOWN' } });
  expect(proposals.size).toBe(0);
});

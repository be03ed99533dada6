import type { ConsensusStatus, MembershipStatus } from '@tutti/consensus';
import { isTuttiError, messageOf, TuttiError } from '@tutti/kernel';
import type { AddedNode, AddNodeOptions } from '../cluster/launcher.ts';
import type { EventBatch, Explanation, NodeStatus, Submission } from './admin-api.ts';
import type { MemberRequest } from './cluster-routes.ts';
import {
  type ClusterView,
  clusterView,
  type GroupReport,
  leadingReport,
  type SnapshotTaken,
} from './cluster-view.ts';
import type { NodeMessages, NodeTop, NodeTrace, NodeTree } from './look-in-api.ts';
import type { SessionView } from './session-view.ts';

/** How long to wait before asking the next node when none answered. */
const RETRY_MS = 50;
/** How long a node may take when all are asked: one that hangs must not hide what the others say. */
const EACH_MS = 5_000;
/** How long a request may go unanswered by every node, unless the caller says otherwise. */
const PATIENCE_MS = 15_000;

/** What one node answered, and where it listens. */
interface Answered<Answer> {
  readonly url: string;
  readonly answer: Answer;
}

/** How to speak to a cluster. */
export interface AdminClientOptions {
  /**
   * How long a request may go unanswered by every node; default 15,000. Then `TUTTI_ADMIN_UNREACHABLE`; or, where a node may
   * have begun what was asked for, `TUTTI_OUTCOME_UNKNOWN`.
   */
  readonly patienceMs?: number;
  /** Where the cluster is kept, to be named when none of its nodes answers. */
  readonly directory?: string;
  /** Why no node will ever answer again, once that is known: then nobody waits. */
  readonly ended?: () => string | undefined;
}

/**
 * Speaks to a cluster's admin interface. Any node answers any question, so a request goes on to the next node when
 * one is gone, until one answers or patience ends.
 */
export class AdminClient {
  readonly #urls: () => readonly string[];
  readonly #token: string;
  readonly #patienceMs: number;
  readonly #where: string;
  readonly #ended: () => string | undefined;

  /** @param urls Where the nodes that run now listen. */
  constructor(urls: () => readonly string[], token: string, options: AdminClientOptions = {}) {
    this.#urls = urls;
    this.#token = token;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#where = options.directory === undefined ? '' : ` in ${options.directory}`;
    this.#ended = options.ended ?? (() => undefined);
  }

  /** What one node says of itself and the others. */
  status(): Promise<NodeStatus> {
    return this.#request('GET', '/status');
  }

  /** The status of each node that answers. */
  async everyStatus(): Promise<NodeStatus[]> {
    return (await this.#everyone<NodeStatus>('/status')).map(({ answer }) => answer);
  }

  /** The leader by the word of the nodes themselves, of the highest term; undefined while there is none but `not`. */
  async leader(not?: string): Promise<string | undefined> {
    const statuses = await this.everyStatus();
    const leading = statuses.filter((status) => status.consensus.role === 'leader' && status.node !== not);
    return leading.sort((a, b) => b.consensus.term - a.consensus.term)[0]?.node;
  }

  sessions(): Promise<SessionView[]> {
    return this.#request('GET', '/sessions');
  }

  session(id: string): Promise<SessionView> {
    return this.#request('GET', `/sessions/${encodeURIComponent(id)}`);
  }

  /** Idempotent: the session's id is the caller's, so a repeated submission is the same one. */
  submit(submission: Submission): Promise<{ session: string }> {
    return this.#request('POST', '/sessions', submission);
  }

  cancel(session: string, reason: string): Promise<void> {
    return this.#request('POST', `/sessions/${encodeURIComponent(session)}/cancel`, { reason });
  }

  /** The supervision trees, one per node that answers. */
  async trees(): Promise<NodeTree[]> {
    return (await this.#anyone<NodeTree>('/tree')).map(({ answer }) => answer);
  }

  /** What each node that answers does now. */
  async tops(): Promise<NodeTop[]> {
    return (await this.#anyone<NodeTop>('/top')).map(({ answer }) => answer);
  }

  /** What the actors of each node that answers have handled, as far as it was recorded. */
  async messages(query: Readonly<Record<string, string>>): Promise<NodeMessages[]> {
    const path = `/messages?${new URLSearchParams(query).toString()}`;
    return (await this.#anyone<NodeMessages>(path)).map(({ answer }) => answer);
  }

  /** Has each node that answers keep so many messages of each actor; 0 ends that. */
  async record(perActor: number): Promise<NodeMessages[]> {
    const answers = await this.#anyone<NodeMessages>('/messages', 'POST', { perActor });
    return answers.map(({ answer }) => answer);
  }

  /** What an actor has handled, wherever it is, after entry `from` of each node; which one is looked up on demand. */
  async trace(ref: string, from: number, withActors: boolean): Promise<NodeTrace[]> {
    const query = { ref, from: String(from), ...(withActors && { actors: '1' }) };
    const answers = await this.#anyone<NodeTrace>(`/trace?${new URLSearchParams(query).toString()}`);
    return answers.map(({ answer }) => answer);
  }

  /** The group as its nodes describe it. @throws TuttiError `TUTTI_ADMIN_UNREACHABLE` when none answers */
  async cluster(): Promise<ClusterView> {
    return clusterView((await this.#reports()).map(({ answer }) => answer));
  }

  /**
   * Hands leadership to `to`, or to the voter that is furthest, and says who leads then. While no node leads, it waits
   * for one that does; while leadership is being handed on, until that is over.
   * @throws TuttiError `TUTTI_NO_LEADER`, and what `Replica.transferLeadership` refuses
   */
  async transfer(to?: string): Promise<{ readonly leader: string }> {
    const until = performance.now() + this.#patienceMs;
    let moving: TuttiError | undefined;
    for (;;) {
      const reports = await this.#reports();
      const leading = leadingReport(reports.map(({ answer }) => answer));
      const url = reports.find(({ answer }) => answer === leading)?.url;
      // The transfer that was waited for was this one.
      if (moving && to !== undefined && leading?.node === to) return { leader: to };
      try {
        if (url !== undefined)
          return await this.#once<{ leader: string }>(url, 'POST', '/cluster/transfer', { to });
      } catch (thrown) {
        if (isTuttiError(thrown, 'TUTTI_LEADERSHIP_MOVING')) moving = thrown;
        else if (!isTuttiError(thrown, 'TUTTI_NOT_LEADER')) throw thrown;
      }
      if (performance.now() > until)
        throw moving ?? new TuttiError('TUTTI_NO_LEADER', { known: 'of the nodes that answer, none leads' });
      await pause();
    }
  }

  /**
   * Has a node write a snapshot now, or each, one after the other, so that they do not all pay for it at once.
   * @throws TuttiError `TUTTI_NODE_UNKNOWN` for a node that does not answer
   */
  async snapshot(node?: string): Promise<SnapshotTaken[]> {
    const reports = await this.#reports();
    const known = reports.map(({ answer }) => answer.node);
    if (node !== undefined && !known.includes(node))
      throw new TuttiError('TUTTI_NODE_UNKNOWN', { node, known: known.join(', ') });
    const taken: SnapshotTaken[] = [];
    for (const { url, answer } of reports)
      if (node === undefined || node === answer.node)
        taken.push(await this.#once<SnapshotTaken>(url, 'POST', '/cluster/snapshot'));
    return taken;
  }

  /**
   * The bytes of a backup, from `node` or from the first that can: of those that follow, so that the leader is spared, the
   * one that is furthest. What comes is a backup only if it is whole, which `BackupFile` tells.
   * @throws TuttiError `TUTTI_NODE_UNKNOWN`, `TUTTI_ADMIN_UNREACHABLE` also when it breaks off, and what
   * `Replica.holdState` refuses
   */
  async *backup(node?: string): AsyncGenerator<Uint8Array> {
    const reports = await this.#reports();
    const known = reports.map(({ answer }) => answer.node);
    const able =
      node === undefined
        ? inOrderForBackup(reports)
        : reports.filter((report) => report.answer.node === node);
    if (able.length === 0) throw new TuttiError('TUTTI_NODE_UNKNOWN', { node, known: known.join(', ') });
    try {
      yield* await this.#streamOfFirst(able.map(({ url }) => `${url}/cluster/backup`));
    } catch (thrown) {
      if (isTuttiError(thrown)) throw thrown;
      throw this.#unreachable(networkProblem(thrown), thrown);
    }
  }

  /** From the first of these that begins one. @throws what the last one failed with */
  async #streamOfFirst([url, ...others]: readonly string[]): Promise<AsyncIterable<Uint8Array>> {
    try {
      return await this.#stream(url!);
    } catch (thrown) {
      if (others.length === 0) throw thrown;
      return await this.#streamOfFirst(others);
    }
  }

  async #stream(url: string): Promise<AsyncIterable<Uint8Array>> {
    const response = await fetch(url, { headers: { authorization: `Bearer ${this.#token}` } });
    if (!response.ok) throw TuttiError.fromJSON((await response.json()) as { code: string });
    return response.body!;
  }

  /**
   * Has a node give its work away and have no actors any more, as before its removal; it still votes. Nothing happens to
   * one that does not answer.
   */
  async leave(node: string): Promise<void> {
    const url = (await this.#reports()).find(({ answer }) => answer.node === node)?.url;
    if (url !== undefined) await this.#once(url, 'POST', '/cluster/leave');
  }

  explain(session: string, task: string): Promise<Explanation> {
    return this.#request(
      'GET',
      `/sessions/${encodeURIComponent(session)}/explain/${encodeURIComponent(task)}`,
    );
  }

  /**
   * A session's steps as they come, over whichever node lives; the last batch is the one with the session's end. It
   * ends early, without an error, when aborted.
   */
  async *events(session: string, signal: AbortSignal): AsyncGenerator<EventBatch> {
    let from = 0;
    while (!signal.aborted) {
      const path = `/sessions/${encodeURIComponent(session)}/events?from=${from}`;
      const batch = await this.#request<EventBatch>('GET', path, undefined, signal).catch(
        (thrown: unknown) => {
          if (signal.aborted) return undefined;
          throw thrown;
        },
      );
      if (!batch) return;
      from = (batch.events.at(-1)?.number ?? from - 1) + 1;
      yield batch;
      if (batch.state !== 'running' && batch.events.length === 0) return;
    }
  }

  /** Has a node added to the group that runs and waits for it. */
  addMember(member: MemberRequest): Promise<MembershipStatus> {
    return this.#change('POST', '', member);
  }

  /** Makes a learner a voter. @throws TuttiError `TUTTI_MEMBER_BEHIND`, `TUTTI_NOT_A_MEMBER` */
  promoteMember(node: string): Promise<MembershipStatus> {
    return this.#change('POST', `/${encodeURIComponent(node)}/promote`);
  }

  /** Takes a node out of the group; its process stays. @throws TuttiError `TUTTI_NOT_A_MEMBER` */
  removeMember(node: string): Promise<MembershipStatus> {
    return this.#change('DELETE', `/${encodeURIComponent(node)}`);
  }

  /** Asks for a change of the membership; a node that cannot begin it now is not the end of it. */
  #change(method: string, path: string, body?: unknown): Promise<MembershipStatus> {
    return this.#request(method, `/cluster/members${path}`, body, undefined, NEXT_FOR_CHANGES);
  }

  /** Starts a node more and adds it to the group, see `Launcher.add`. @throws TuttiError `TUTTI_NO_LAUNCHER` */
  addNode(options: AddNodeOptions): Promise<AddedNode> {
    return this.#launched('POST', '/cluster/nodes', options);
  }

  /** Takes a node out of the group and ends it, see `Launcher.remove`. @throws TuttiError `TUTTI_NO_LAUNCHER` */
  removeNode(node: string): Promise<{ readonly node: string }> {
    return this.#launched('DELETE', `/cluster/nodes/${encodeURIComponent(node)}`, undefined, node);
  }

  /** Has a node pass a request on to its launcher: not `leaving`, which would be gone before the answer. */
  async #launched<Answer>(method: string, path: string, body?: unknown, leaving?: string): Promise<Answer> {
    const reports = await this.#reports();
    const { url } = reports.find(({ answer }) => answer.node !== leaving) ?? reports[0]!;
    return await this.#once<Answer>(url, method, path, body);
  }

  async #reports(): Promise<Answered<GroupReport>[]> {
    return await this.#anyone<GroupReport>('/cluster');
  }

  /** The answers of the nodes that give one. @throws TuttiError `TUTTI_ADMIN_UNREACHABLE` when none does */
  async #anyone<Answer>(path: string, method = 'GET', body?: unknown): Promise<Answered<Answer>[]> {
    const answers = await this.#everyone<Answer>(path, method, body);
    if (answers.length === 0) throw this.#unreachable('no node serves');
    return answers;
  }

  #unreachable(problem: string, cause?: unknown): TuttiError {
    const details = { where: this.#where, problem: this.#ended() ?? problem };
    return new TuttiError('TUTTI_ADMIN_UNREACHABLE', details, { cause });
  }

  /** The answers of the nodes that give one. */
  async #everyone<Answer>(path: string, method = 'GET', body?: unknown): Promise<Answered<Answer>[]> {
    const asked = this.#urls().map(async (url) => ({
      url,
      answer: await this.#ask<Answer>(url, method, path, body, AbortSignal.timeout(EACH_MS)),
    }));
    const ends = await Promise.allSettled(asked);
    return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  }

  /** Asks one node, once, for what must not be done twice. @throws TuttiError `TUTTI_OUTCOME_UNKNOWN`, or its refusal */
  async #once<Answer>(url: string, method: string, path: string, body?: unknown): Promise<Answer> {
    try {
      return await this.#ask<Answer>(url, method, path, body);
    } catch (thrown) {
      if (isTuttiError(thrown)) throw thrown;
      throw this.#unknown(method, path, thrown);
    }
  }

  #unknown(method: string, path: string, cause: unknown): TuttiError {
    const details = { what: `${method} ${path}`, when: `within ${this.#patienceMs} ms` };
    return new TuttiError('TUTTI_OUTCOME_UNKNOWN', details, { cause });
  }

  async #request<Answer>(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    nextNode = NEXT_NODE,
  ): Promise<Answer> {
    const until = performance.now() + this.#patienceMs;
    let problem = 'no node runs';
    let isOpen = false;
    for (;;) {
      let refusal: TuttiError | undefined;
      for (const url of this.#urls()) {
        try {
          return await this.#ask<Answer>(url, method, path, body, signal);
        } catch (thrown) {
          signal?.throwIfAborted();
          if (thrown instanceof TuttiError && !nextNode.has(thrown.code)) throw thrown;
          if (thrown instanceof TuttiError && !UNANSWERED.has(thrown.code)) refusal = thrown;
          isOpen ||= method !== 'GET' && mayBeCarriedOut(thrown);
          problem = networkProblem(thrown);
        }
      }
      if (performance.now() > until || this.#ended() !== undefined) {
        const end = refusal ?? this.#unreachable(problem);
        // An earlier attempt may be the change that is under way, or have been carried out by nodes that are gone now.
        throw isOpen ? this.#unknown(method, path, end) : end;
      }
      await pause();
    }
  }

  async #ask<Answer>(
    url: string,
    method: string,
    path: string,
    body: unknown,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const patience = AbortSignal.timeout(this.#patienceMs);
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
    const text = await response.text();
    const answer = text === '' ? undefined : (JSON.parse(text) as unknown);
    if (response.ok) return answer as Answer;
    throw TuttiError.fromJSON(answer as { code: string });
  }
}

/** Of a request that failed `fetch` says only that it did; what happened, and at which address, is its cause. */
function networkProblem(thrown: unknown): string {
  const cause = thrown instanceof TypeError ? thrown.cause : undefined;
  return messageOf(cause ?? thrown) || messageOf(thrown);
}

/** Whether what was asked for may be done in spite of this: it may have been asked of somebody who could. */
function mayBeCarriedOut(thrown: unknown): boolean {
  if (thrown instanceof TuttiError) return UNANSWERED.has(thrown.code);
  const cause = thrown instanceof TypeError ? (thrown.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code !== 'ECONNREFUSED';
}

/** Who is to be asked for a backup first: whoever follows, the furthest of those, then the leader, then the others. */
function inOrderForBackup<Report extends { readonly answer: { readonly consensus: ConsensusStatus } }>(
  reports: readonly Report[],
): readonly Report[] {
  const rank = ({ answer: { consensus } }: Report) => ASKED_FOR_BACKUPS.indexOf(consensus.role);
  const reached = ({ answer: { consensus } }: Report) => consensus.appliedIndex;
  return reports.toSorted((a, b) => rank(b) - rank(a) || reached(b) - reached(a));
}

/** The last first: the leader has enough to do. */
const ASKED_FOR_BACKUPS: readonly string[] = ['leader', 'follower'];

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RETRY_MS));
}

/** A node that answers so may have begun what it was asked for; one of the version before says by the second, too. */
const UNANSWERED: ReadonlySet<string> = new Set(['TUTTI_OUTCOME_UNKNOWN', 'TUTTI_CLOSED']);
/** Errors that another node, or the same one a moment later, may not have. */
const NEXT_NODE: ReadonlySet<string> = new Set([
  'TUTTI_NODE_STARTING',
  'TUTTI_NO_LEADER',
  'TUTTI_CLOSED',
  'TUTTI_OUTCOME_UNKNOWN',
]);
/** The same of a change of the membership: it was not begun, and could be a moment later, or where the leader is reached. */
const NEXT_FOR_CHANGES: ReadonlySet<string> = new Set([
  ...NEXT_NODE,
  'TUTTI_MEMBERSHIP_CHANGING',
  'TUTTI_OVERLOADED',
]);
/** Ends of a request that it came to nothing by, and that say nothing of whether an earlier one did. */
const CAME_TO_NOTHING: ReadonlySet<string> = new Set([
  'TUTTI_NODE_STARTING',
  'TUTTI_ADMIN_UNREACHABLE',
  'TUTTI_NO_LEADER',
  'TUTTI_MEMBERSHIP_CHANGING',
  'TUTTI_OVERLOADED',
]);

/** Whether a change of the membership that was asked for may have been agreed, or be agreed later, though it failed so. */
export function mayBeAgreed(thrown: unknown, wasOpen: boolean): boolean {
  if (!isTuttiError(thrown)) return true;
  return thrown.code === 'TUTTI_OUTCOME_UNKNOWN' || (wasOpen && CAME_TO_NOTHING.has(thrown.code));
}

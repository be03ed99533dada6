import { messageOf, TuttiError } from '@tutti/kernel';
import type { ActorNodeInfo } from '@tutti/runtime';
import type { EventBatch, Explanation, NodeStatus, Submission } from './admin-api.ts';
import type { SessionView } from './session-view.ts';

/** How long to wait before asking the next node when none answered. */
const RETRY_MS = 50;
/** How long a request may go unanswered by every node, unless the caller says otherwise. */
const PATIENCE_MS = 15_000;

/** How to speak to a cluster. */
export interface AdminClientOptions {
  /** How long a request may go unanswered by every node; default 15,000. Then `TUTTI_ADMIN_UNREACHABLE`. */
  readonly patienceMs?: number;
}

/**
 * Speaks to a cluster's admin interface. Any node answers any question, so a request goes on to the next node when
 * one is gone, until one answers or patience ends.
 */
export class AdminClient {
  readonly #urls: () => readonly string[];
  readonly #token: string;
  readonly #patienceMs: number;

  /** @param urls Where the nodes that run now listen. */
  constructor(urls: () => readonly string[], token: string, options: AdminClientOptions = {}) {
    this.#urls = urls;
    this.#token = token;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  /** What one node says of itself and the others. */
  status(): Promise<NodeStatus> {
    return this.#request('GET', '/status');
  }

  /** The status of each node that answers. */
  async everyStatus(): Promise<NodeStatus[]> {
    const answers = await Promise.allSettled(
      this.#urls().map((url) => this.#ask<NodeStatus>(url, 'GET', '/status', undefined)),
    );
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
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
  async trees(): Promise<{ node: string; tree: ActorNodeInfo[] }[]> {
    const answers = await Promise.allSettled(
      this.#urls().map((url) =>
        this.#ask<{ node: string; tree: ActorNodeInfo[] }>(url, 'GET', '/tree', undefined),
      ),
    );
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
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

  async #request<Answer>(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const until = performance.now() + this.#patienceMs;
    let problem = 'no node runs';
    for (;;) {
      for (const url of this.#urls()) {
        try {
          return await this.#ask<Answer>(url, method, path, body, signal);
        } catch (thrown) {
          signal?.throwIfAborted();
          if (thrown instanceof TuttiError && !NEXT_NODE.has(thrown.code)) throw thrown;
          problem = messageOf(thrown);
        }
      }
      if (performance.now() > until) throw new TuttiError('TUTTI_ADMIN_UNREACHABLE', { problem });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
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

/** Errors that another node, or the same one a moment later, may not have. */
const NEXT_NODE: ReadonlySet<string> = new Set(['TUTTI_NO_LEADER', 'TUTTI_CLOSED', 'TUTTI_OUTCOME_UNKNOWN']);

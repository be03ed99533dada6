import { timingSafeEqual } from 'node:crypto';
import { isTuttiError, messageOf, TuttiError } from '@tutti/kernel';
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import type { Launcher } from '../cluster/launcher.ts';
import type { TuttiNode } from '../node/create-node.ts';
import type { Explanation, NodeStatus, Submission } from './admin-api.ts';
import { addClusterRoutes, addLauncherRoutes } from './cluster-routes.ts';
import { EventFeed } from './event-feed.ts';
import { httpStatusOf } from './http-status.ts';
import { LookIn } from './look-in.ts';
import { addLookInRoutes } from './look-in-routes.ts';
import { sessionView } from './session-view.ts';

/** How large a submitted plan may be, in bytes. */
const BODY_BYTES_MAX = 64 * 2 ** 20;

/** Where a node is asked about itself, and by whom. */
export interface AdminOptions {
  /** On 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** What every caller must send as `Authorization: Bearer ...`. */
  readonly token: string;
  readonly node: string;
  /** Starts and ends processes of the cluster; without it, adding and removing nodes is refused. */
  readonly launcher?: Launcher;
}

/** A node's admin interface: it answers `/health/live` from the start, and the rest once it serves a node. */
export interface Admin {
  readonly url: string;
  serve(node: TuttiNode): void;
  close(): Promise<void>;
}

/** The node that is asked about, and who looks into it. */
class Served {
  readonly node: TuttiNode;
  readonly look: LookIn;
  #feed: EventFeed | undefined;

  constructor(node: TuttiNode) {
    this.node = node;
    this.look = new LookIn(node);
  }

  /** Made when somebody asks for it: a node without orchestration has none, and answers everything else. */
  get feed(): EventFeed {
    return (this.#feed ??= new EventFeed(this.node.orchestration.board));
  }

  close(): void {
    this.#feed?.close();
    this.look.close();
  }
}

/** Opens the admin interface on the loopback address. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const server = fastify({ bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true });
  let serving: Served | undefined;
  const current = () => {
    if (!serving) throw new TuttiError('TUTTI_NODE_STARTING', { node: options.node });
    return serving;
  };
  server.addHook('onRequest', async (request) => {
    if (request.url.startsWith('/health/')) return;
    if (!sameText(request.headers.authorization ?? '', `Bearer ${options.token}`))
      throw new TuttiError('TUTTI_ADMIN_UNAUTHORIZED', { node: options.node });
  });
  server.setErrorHandler((thrown, _request, reply) => answerError(thrown, reply));
  server.get('/health/live', () => ({ live: true }));
  server.get('/health/ready', (_request, reply) =>
    reply.code(serving ? 200 : 503).send({ ready: !!serving }),
  );
  addNodeRoutes(server, () => current().node);
  addLookInRoutes(server, () => current().look);
  addClusterRoutes(server, () => current().node);
  addLauncherRoutes(server, options);
  addSessionRoutes(server, current);
  const url = await server.listen({ host: '127.0.0.1', port: options.port });
  return {
    url,
    serve(node) {
      serving = new Served(node);
    },
    async close() {
      serving?.close();
      await server.close();
    },
  };
}

function sameText(given: string, wanted: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
}

function answerError(thrown: unknown, reply: FastifyReply): FastifyReply {
  if (isTuttiError(thrown)) return reply.code(httpStatusOf(thrown.code)).send(thrown.toJSON());
  const status = (thrown as { statusCode?: number }).statusCode ?? 500;
  return reply.code(status).send(new TuttiError('TUTTI_INTERNAL', { problem: messageOf(thrown) }).toJSON());
}

function addNodeRoutes(server: FastifyInstance, node: () => TuttiNode): void {
  server.get('/status', (): NodeStatus => {
    const { id, incarnation, parts } = node();
    return {
      node: id,
      incarnation,
      pid: process.pid,
      upMs: process.uptime() * 1000,
      consensus: parts.consensus.status(),
      members: parts.cluster.members.list(),
      actors: parts.system.actorCount,
      deadLetters: parts.system.deadLetters.counts(),
    };
  });
}

function addSessionRoutes(server: FastifyInstance, current: () => Served): void {
  const board = () => current().node.orchestration.board;
  const record = (id: string) => {
    const found = board().module.session(id);
    if (!found) throw new TuttiError('TUTTI_SESSION_UNKNOWN', { session: id });
    return found;
  };
  server.get('/sessions', () => [...board().module.sessions()].map(sessionView));
  server.post<{ Body: Submission }>('/sessions', async ({ body }) => {
    const { plan, session, mode, folder } = body;
    return { session: await current().node.orchestration.submit(plan, { session, mode, folder }) };
  });
  server.get<{ Params: { id: string } }>('/sessions/:id', async ({ params }) => {
    await board().readBarrier();
    return sessionView(record(params.id));
  });
  server.post<{ Params: { id: string }; Body: { reason?: string } }>(
    '/sessions/:id/cancel',
    async ({ params, body }) => {
      record(params.id);
      await current().node.orchestration.cancel(params.id, body?.reason ?? 'cancelled by a caller');
      return {};
    },
  );
  server.get<{ Params: { id: string }; Querystring: { from?: string } }>(
    '/sessions/:id/events',
    async ({ params, query }) => {
      record(params.id);
      return await current().feed.next(params.id, Number(query.from ?? 0));
    },
  );
  server.get<{ Params: { id: string; task: string } }>(
    '/sessions/:id/explain/:task',
    async ({ params }): Promise<Explanation> => {
      await board().readBarrier();
      const { id: session, task } = params;
      // First, since it refuses a task that is not there.
      const blockers = current().node.orchestration.explain(session, task);
      const { state } = record(session).tasks.get(task)!;
      return { session, task, state, blockers };
    },
  );
}

import type { FastifyInstance } from 'fastify';
import type { LookIn } from './look-in.ts';

interface MessagesQuery {
  readonly actor?: string;
  readonly type?: string;
  readonly correlation?: string;
  readonly since?: string;
  readonly limit?: string;
}

/** What is not a number is left out, as if it had not been given. */
const numberOf = (text: string | undefined): number | undefined => {
  const number = Number(text);
  return text === undefined || !Number.isFinite(number) ? undefined : number;
};

/** The routes by which `tutti top`, `msgs` and `trace` look into a node. */
export function addLookInRoutes(server: FastifyInstance, look: () => LookIn): void {
  server.get('/tree', () => look().tree());
  server.get('/top', () => look().top());
  server.get<{ Querystring: MessagesQuery }>('/messages', ({ query }) => {
    const { actor, type, correlation } = query;
    const since = numberOf(query.since);
    const limit = numberOf(query.limit);
    return look().messages({
      ...(actor === undefined ? {} : { actor }),
      ...(type === undefined ? {} : { type }),
      ...(correlation === undefined ? {} : { correlation }),
      ...(since === undefined ? {} : { since }),
      ...(limit === undefined ? {} : { limit }),
    });
  });
  server.post<{ Body: { perActor?: number } }>('/messages', ({ body }) => look().record(body?.perActor ?? 0));
  server.get<{ Querystring: { ref?: string; from?: string; actors?: string } }>('/trace', ({ query }) =>
    look().trace(query.ref ?? '', numberOf(query.from) ?? 0, query.actors !== undefined),
  );
}

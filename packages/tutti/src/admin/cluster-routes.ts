import type { MembershipStatus } from '@tutti/consensus';
import { nodeId, TuttiError } from '@tutti/kernel';
import type { FastifyInstance } from 'fastify';
import type { AddNodeOptions, Launcher } from '../cluster/launcher.ts';
import { backupOf } from '../node/back-up.ts';
import type { TuttiNode } from '../node/create-node.ts';
import { type GroupReport, measured, type SnapshotTaken } from './cluster-view.ts';

/** `POST /cluster/members`. */
export interface MemberRequest {
  readonly node: string;
  /** See `contactOf`. */
  readonly contact: string;
  /** Whether it votes as soon as it has caught up. */
  readonly promote: boolean;
}

/** The routes by which a group is operated: its status, who leads, snapshots, who belongs to it. */
export function addClusterRoutes(server: FastifyInstance, node: () => TuttiNode): void {
  server.get('/cluster', (): GroupReport => {
    const { id, group, lineage } = node();
    return {
      node: id,
      ...(lineage === undefined ? {} : { lineage }),
      consensus: group.status(),
      stages: measured(group.stages()),
    };
  });
  server.post<{ Body: { to?: string } | undefined }>('/cluster/transfer', async ({ body }) => {
    const target = body?.to === undefined ? undefined : nodeId(body.to);
    return { leader: await node().group.transferLeadership(target) };
  });
  server.post('/cluster/snapshot', async (): Promise<SnapshotTaken> => {
    const { id, group } = node();
    return { node: id, index: await group.takeSnapshot() };
  });
  server.get('/cluster/backup', async (_request, reply) => {
    const bytes = await backupOf(node());
    return reply.type('application/octet-stream').send(bytes);
  });
  server.post('/cluster/leave', async () => {
    const { group, parts } = node();
    // Nobody has to be elected when it goes, if it does not lead any more.
    if (group.status().role === 'leader') await group.transferLeadership().catch(() => {});
    await parts.leave();
    return {};
  });
  server.post<{ Body: MemberRequest }>('/cluster/members', async ({ body }): Promise<MembershipStatus> => {
    const { contact, promote } = body;
    return await node().group.addLearner({ node: nodeId(body.node), contact }, { promote });
  });
  server.post<{ Params: { id: string } }>(
    '/cluster/members/:id/promote',
    async ({ params }): Promise<MembershipStatus> => await node().group.promote(nodeId(params.id)),
  );
  server.delete<{ Params: { id: string } }>(
    '/cluster/members/:id',
    async ({ params }): Promise<MembershipStatus> => await node().group.removeMember(nodeId(params.id)),
  );
}

/** The routes by which processes come and go. */
export function addLauncherRoutes(
  server: FastifyInstance,
  { node, launcher }: { readonly node: string; readonly launcher?: Launcher },
): void {
  const current = () => {
    if (!launcher) throw new TuttiError('TUTTI_NO_LAUNCHER', { node });
    return launcher;
  };
  server.post<{ Body: AddNodeOptions }>('/cluster/nodes', async ({ body }) => await current().add(body));
  server.delete<{ Params: { id: string } }>('/cluster/nodes/:id', async ({ params }) => {
    await current().remove(params.id);
    return { node: params.id };
  });
}

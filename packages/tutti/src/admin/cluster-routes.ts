import { nodeId } from '@tutti/kernel';
import type { FastifyInstance } from 'fastify';
import type { TuttiNode } from '../node/create-node.ts';
import { type GroupReport, measured, type SnapshotTaken } from './cluster-view.ts';

/** The routes by which a group is operated: its status, who leads, snapshots. */
export function addClusterRoutes(server: FastifyInstance, node: () => TuttiNode): void {
  server.get('/cluster', (): GroupReport => {
    const { id, group } = node();
    return { node: id, consensus: group.status(), stages: measured(group.stages()) };
  });
  server.post<{ Body: { to?: string } | undefined }>('/cluster/transfer', async ({ body }) => {
    const target = body?.to === undefined ? undefined : nodeId(body.to);
    return { leader: await node().group.transferLeadership(target) };
  });
  server.post('/cluster/snapshot', async (): Promise<SnapshotTaken> => {
    const { id, group } = node();
    return { node: id, index: await group.takeSnapshot() };
  });
}

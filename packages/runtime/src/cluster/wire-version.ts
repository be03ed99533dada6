import type { NodeId, Transport } from '@tutti/kernel';

/** Whether the link to a node speaks at least this wire version. A transport that knows of no versions speaks the first. */
export function speaks(transport: Transport, node: NodeId, version: number): boolean {
  return (transport.wireVersion?.(node) ?? 1) >= version;
}

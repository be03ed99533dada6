import {
  clusterId,
  incarnation,
  nodeId,
  type PeerAddress,
  seededRandom,
  silentLogger,
  systemClock,
} from '@tutti/kernel';
import { createWsTransport, generateKeyPair, type TransportLimits, type WsTransport } from '@tutti/transport';

/** The channel on which the bench sends its notes. */
export const NOTES = 40;

/** A transport on loopback, open, and where it is. */
export async function transportOf(
  name: string,
  limits: Partial<TransportLimits> = {},
): Promise<{ readonly transport: WsTransport; readonly address: PeerAddress }> {
  const keys = generateKeyPair();
  const transport = createWsTransport({
    clusterId: clusterId('bench'),
    self: { nodeId: nodeId(name), incarnation: incarnation(1) },
    keys,
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    random: seededRandom(process.pid),
    logger: silentLogger,
    limits,
  });
  await transport.open();
  return {
    transport,
    address: { nodeId: nodeId(name), url: transport.address(), publicKey: keys.publicKey },
  };
}

import {
  type ClusterId,
  type Incarnation,
  type Lane,
  messageOf,
  type NodeId,
  TuttiError,
} from '@tutti/kernel';
import { isPublicKey } from '../auth/key-pair.ts';
import type { WireVersions } from '../codec/limits.ts';

/** How each end introduces itself. The signature of {@link Handshake} covers all of it. */
export interface Hello {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly wireVersions: WireVersions;
  /** Ed25519 public key in hexadecimal. */
  readonly publicKey: string;
  /** 32 random bytes in hexadecimal, new for every connection; they make each signature good for one handshake. */
  readonly nonce: string;
  /** Which lane this connection is to carry, as the dialler chose it. */
  readonly lane: Lane;
  /** Names the pair of connections that make one link; 32 random bytes in hexadecimal, chosen by the dialler. */
  readonly link: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const HEX_32 = /^[0-9a-f]{64}$/;
const decoder = new TextDecoder('utf-8', { fatal: true });

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** A JSON object from the bytes of a frame that nobody has vouched for yet. @throws `TUTTI_FRAME_MALFORMED` */
export function readObject(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch (thrown) {
    throw new TuttiError('TUTTI_FRAME_MALFORMED', { problem: `${what}: ${messageOf(thrown)}` });
  }
  throw new TuttiError('TUTTI_FRAME_MALFORMED', { problem: `${what} is not an object` });
}

/** @throws TuttiError `TUTTI_FRAME_MALFORMED` naming the field that is wrong */
export function readHello(bytes: Uint8Array): Hello {
  const given = readObject(bytes, 'the hello');
  const versions = Object(given['wireVersions']) as Partial<WireVersions>;
  const wrong = (field: string) =>
    new TuttiError('TUTTI_FRAME_MALFORMED', { problem: `the field "${field}" of the hello is not valid` });
  const text = (field: string, pattern: RegExp): string => {
    const value = given[field];
    if (typeof value !== 'string' || !pattern.test(value)) throw wrong(field);
    return value;
  };
  const { min, max } = versions;
  if (!isWhole(min, 1, 255) || !isWhole(max, min, 255)) throw wrong('wireVersions');
  if (!isWhole(given['incarnation'], 0, Number.MAX_SAFE_INTEGER)) throw wrong('incarnation');
  const publicKey = text('publicKey', HEX_32);
  if (!isPublicKey(publicKey)) throw wrong('publicKey');
  return {
    clusterId: text('clusterId', NAME) as ClusterId,
    nodeId: text('nodeId', NAME) as NodeId,
    incarnation: given['incarnation'] as Incarnation,
    wireVersions: { min, max },
    publicKey,
    nonce: text('nonce', HEX_32),
    lane: text('lane', /^(control|bulk)$/) as Lane,
    link: text('link', HEX_32),
  };
}

/** What this node knows about the peer that a hello names. */
export interface PeerKnowledge {
  /** The key configured for it; undefined when it is no peer of this node. */
  readonly publicKey: string | undefined;
  /** The newest incarnation of it that has been linked. */
  readonly incarnation: Incarnation | undefined;
}

type Introduction = Pick<Hello, 'clusterId' | 'nodeId' | 'incarnation' | 'wireVersions' | 'publicKey'>;

/**
 * Whether a link with this peer may be: the cluster first, since everything else only means something within it.
 * @param expected The node that was dialled; undefined on the side that was called.
 * @returns why not, or the wire version to speak: the highest that both have
 */
export function judgeHello(
  own: Introduction,
  peer: Introduction,
  knowledge: PeerKnowledge,
  expected?: NodeId,
): TuttiError | number {
  const nodeId = peer.nodeId;
  if (peer.clusterId !== own.clusterId) {
    return new TuttiError('TUTTI_PEER_WRONG_CLUSTER', {
      nodeId,
      theirs: peer.clusterId,
      ours: own.clusterId,
    });
  }
  const isStranger = knowledge.publicKey === undefined || nodeId === own.nodeId;
  if (isStranger || (expected !== undefined && nodeId !== expected)) {
    const known = expected ?? 'one of its configured peers';
    return new TuttiError('TUTTI_PEER_UNKNOWN', { theirs: nodeId, ours: own.nodeId, expected: known });
  }
  if (peer.publicKey !== knowledge.publicKey) {
    const details = { nodeId, theirs: peer.publicKey, ours: knowledge.publicKey };
    return new TuttiError('TUTTI_PEER_KEY_MISMATCH', details);
  }
  const highest = Math.min(own.wireVersions.max, peer.wireVersions.max);
  if (highest < Math.max(own.wireVersions.min, peer.wireVersions.min)) {
    const show = ({ min, max }: WireVersions) => `${min} to ${max}`;
    const details = { nodeId, theirs: show(peer.wireVersions), ours: show(own.wireVersions) };
    return new TuttiError('TUTTI_PEER_WIRE_VERSION', details);
  }
  if (knowledge.incarnation !== undefined && peer.incarnation < knowledge.incarnation) {
    const details = { nodeId, theirs: peer.incarnation, ours: knowledge.incarnation };
    return new TuttiError('TUTTI_PEER_STALE', details);
  }
  return highest;
}

import { randomBytes } from 'node:crypto';
import { type ClusterId, type Lane, type NodeId, type PeerIdentity } from '@tutti/kernel';
import { type KeyPair, signer, verifySignature } from '../auth/key-pair.ts';
import type { WireVersions } from '../codec/limits.ts';
import { Handshake } from '../session/handshake.ts';
import type { PeerKnowledge } from '../session/hello.ts';

/** A secret-free random text of 32 bytes. Nonces must be unguessable, so they never come from seeded chance. */
export function nonce(): string {
  return randomBytes(32).toString('hex');
}

/** Makes handshakes in the name of one node. */
export class SessionMaker {
  readonly #own: { clusterId: ClusterId; self: PeerIdentity; publicKey: string; wireVersions: WireVersions };
  readonly #sign: (message: Uint8Array) => Uint8Array;
  readonly #knowledge: (nodeId: NodeId) => PeerKnowledge;

  constructor(
    own: { clusterId: ClusterId; self: PeerIdentity; keys: KeyPair; wireVersions: WireVersions },
    knowledge: (nodeId: NodeId) => PeerKnowledge,
  ) {
    const { clusterId, self, keys, wireVersions } = own;
    this.#own = { clusterId, self, publicKey: keys.publicKey, wireVersions };
    this.#sign = signer(keys);
    this.#knowledge = knowledge;
  }

  dial(expected: NodeId, lane: Lane, link: string): Handshake {
    return new Handshake({ ...this.#common(lane, link), role: 'dialler', expected });
  }

  accept(): Handshake {
    return new Handshake({ ...this.#common('control', nonce()), role: 'acceptor' });
  }

  #common(lane: Lane, link: string) {
    const { clusterId, self, publicKey, wireVersions } = this.#own;
    const { nodeId, incarnation } = self;
    return {
      own: { clusterId, nodeId, incarnation, wireVersions, publicKey, nonce: nonce(), lane, link },
      knowledge: this.#knowledge,
      sign: this.#sign,
      verify: verifySignature,
    };
  }
}

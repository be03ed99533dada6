import type { PeerAddress } from '@tutti/kernel';
import { createNode, type TuttiNode } from 'tutti';

/** One of the two nodes `a` and `b`, which are introduced to each other. */
export interface PairedNode {
  readonly node: TuttiNode;
  /** Starts listening, and says where. */
  address(): Promise<PeerAddress>;
  /** Resolves when the two are one cluster. */
  join(peer: PeerAddress): Promise<void>;
}

export function pairedNode(name: 'a' | 'b'): PairedNode {
  let introduce: (peer: PeerAddress) => void = () => {};
  let listening: (self: PeerAddress) => void = () => {};
  const other = new Promise<PeerAddress>((resolve) => (introduce = resolve));
  const own = new Promise<PeerAddress>((resolve) => (listening = resolve));
  const node = createNode({
    name,
    cluster: 'bench',
    listen: { port: 0 },
    voters: ['a', 'b'],
    orchestration: false,
    peers: async (self) => {
      listening(self);
      return [await other];
    },
  });
  let started: Promise<void> | undefined;
  return {
    node,
    address() {
      started ??= node.start();
      return Promise.race([own, started.then(() => own)]);
    },
    async join(peer) {
      introduce(peer);
      await started;
    },
  };
}

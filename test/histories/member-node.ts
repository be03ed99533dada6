// A node of a cluster whose members come and go: the node that ships, with registers in its log and its admin interface.
import { type PeerAddress } from '@tutti/kernel';
import { createNode, startAdmin, type TuttiNode } from 'tutti';
import { serve } from '../../bench/harness/fleet-member.ts';
import { operate, type Request } from './operating.ts';
import { RegisterModule, type RegisterRecord } from './register-module.ts';

/** What a node is told first. */
export interface MemberConfig {
  readonly name: string;
  readonly directory: string;
  /** 0 in its first life. */
  readonly port: number;
  /** Those that vote when the group begins; none for a node that is added to it. */
  readonly voters: readonly string[];
  readonly token: string;
}

const registers = new RegisterModule();
const peersKnown = Promise.withResolvers<readonly PeerAddress[]>();
let node: TuttiNode | undefined;
let started: Promise<void> | undefined;
let token = '';

/** Resolves when it listens: where that is. */
function open(config: MemberConfig): Promise<PeerAddress> {
  const { name, directory, port, voters } = config;
  const listening = Promise.withResolvers<PeerAddress>();
  token = config.token;
  node = createNode({
    name,
    cluster: 'histories',
    dataDir: directory,
    listen: { port },
    ...(voters.length > 0 ? { voters } : { joins: true }),
    snapshotEntries: 200,
    peers: (self) => {
      listening.resolve(self);
      return peersKnown.promise;
    },
    onFatal: (failure) => {
      throw failure;
    },
  });
  node.parts.consensus.register(registers);
  started = node.start();
  started.catch(listening.reject);
  return listening.promise;
}

serve({
  open,
  /** Resolves when it is a member, with where its admin interface listens. */
  start: async (peers: readonly PeerAddress[]): Promise<string> => {
    const admin = await startAdmin({ port: 0, token, node: node!.id });
    peersKnown.resolve(peers);
    // A newcomer is a member when the group has been told of it, through the interface of another.
    void started!.then(() => admin.serve(node!));
    return admin.url;
  },
  operate: (request: Request) => operate(node!.parts.consensus, registers, request),
  records: async (): Promise<RegisterRecord[]> => {
    await node!.parts.consensus.readBarrier();
    return registers.records();
  },
});

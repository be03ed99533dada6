// The process of one node of a local cluster: forked by the launcher, told by it what to be, gone when it is.
import { AssertionError, type Logger, messageOf, type PeerAddress, TuttiError } from '@tutti/kernel';
import { startAdmin } from '../admin/admin-server.ts';
import { createNode, type TuttiNode } from '../node/create-node.ts';
import { nodeLogger } from '../node/node-logger.ts';
import { LauncherLink } from './launcher-link.ts';
import { type FromNode, type NodeProcessConfig, type ToNode, toldError } from './process-messages.ts';

let stopping: Promise<void> | undefined;
let logger: Logger | undefined;
let node: TuttiNode | undefined;
let admin: Awaited<ReturnType<typeof startAdmin>> | undefined;
const firstPeers = Promise.withResolvers<readonly PeerAddress[]>();
const launcher = new LauncherLink(tell);

function tell(message: FromNode): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, () => resolve());
    else resolve();
  });
}

const exit: typeof process.exit = process.exit.bind(process);

async function fail(thrown: unknown): Promise<never> {
  const error = toldError(thrown);
  process.stderr.write(`${error.code}: ${error.message}\n`);
  await tell({ type: 'failed', error });
  exit(1);
}

async function run(config: NodeProcessConfig): Promise<void> {
  logger = nodeLogger(config.node, config.logLevel);
  admin = await startAdmin({
    port: config.adminPort,
    token: config.adminToken,
    node: config.node,
    launcher,
  });
  node = createNode({
    name: config.node,
    cluster: config.cluster,
    ...(config.lineage === undefined ? {} : { lineage: config.lineage }),
    dataDir: config.directory,
    hadLog: config.hadLog,
    listen: { port: config.port },
    ...(config.voters.length > 0 ? { voters: config.voters } : { joins: true }),
    heartbeatMs: config.heartbeatMs,
    electionTimeoutMs: config.electionTimeoutMs,
    snapshotEntries: config.snapshotEntries,
    clusterConfig: config.clusterConfig,
    logger,
    adminUrl: admin.url,
    peers: async (self) => {
      await tell({ type: 'listening', address: self });
      return await firstPeers.promise;
    },
    onFatal: (failure) => void fail(failure),
  });
  await node.start();
  admin.serve(node);
  await tell({ type: 'ready', adminUrl: admin.url, incarnation: node.incarnation });
}

function stop(): Promise<void> {
  stopping ??= (async () => {
    await admin?.close();
    // The launcher stops all of its nodes together: there is nobody to hand work to.
    await node?.stop({ handOver: false });
    exit(0);
  })();
  return stopping;
}

process.on('message', (message: ToNode) => {
  // A start that ends because the node is being stopped has not failed.
  if (message.type === 'configure') run(message.config).catch((thrown) => stopping ?? fail(thrown));
  else if (message.type === 'peers') firstPeers.resolve(message.peers);
  // A node that is not made yet finds the newcomer among its first peers.
  else if (message.type === 'newcomer') node?.meet([message.peer]);
  else if (message.type === 'answer') launcher.answered(message);
  else stop().catch(fail);
});
// Without its launcher a node has nobody to stop it: it leaves by itself.
process.on('disconnect', () => void stop().catch(() => exit(1)));
process.on('SIGINT', () => {});
process.on('SIGTERM', () => void stop().catch(() => exit(1)));
// The functions of plans run in here. None of them may end the node, and a promise that one has forgotten is no
// reason to end either; a broken invariant is.
process.exit = (exitCode) => {
  const problem = `it called process.exit(${exitCode ?? ''}), which would have ended the node`;
  throw new TuttiError('TUTTI_WORK_FAILED', { problem });
};
process.on('unhandledRejection', (reason) => {
  if (reason instanceof AssertionError) void fail(reason);
  else logger?.error({ problem: messageOf(reason) }, 'a rejection that nobody handles');
});

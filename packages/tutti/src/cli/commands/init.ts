import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openIdentity } from '../../node/identity.ts';
import { settingsFor } from '../cluster-access.ts';

interface InitFlags {
  readonly node: string;
  readonly cluster?: string;
  readonly json?: true;
}

/** `tutti init DIRECTORY`: makes a node's identity before its first start, so that others can be told its key. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('make the data directory of an embedded node, and show the public key that its peers need')
    .argument('<directory>', 'what the node is given as dataDir')
    .requiredOption('--node <name>', 'the name of the node')
    .option('--cluster <name>', 'the name of the cluster (default tutti)')
    .option('--json', 'print one JSON document')
    .action((directory: string, flags: InitFlags) => {
      const { values } = settingsFor({ 'cluster.name': flags.cluster }, program.opts()['config']);
      const owner = { cluster: values['cluster.name'], node: flags.node };
      const { keys, cluster, nodeId } = openIdentity(resolve(directory), owner);
      const shown = {
        cluster,
        node: nodeId,
        directory: resolve(directory),
        publicKey: keys.publicKey,
      };
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(shown, undefined, 2)}\n`
          : `${nodeId} of ${cluster}: public key ${keys.publicKey}\n`,
      );
    });
}

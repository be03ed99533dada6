import { type ErrorDetails, isTuttiError } from '@tutti/kernel';
import type { Command } from 'commander';
import {
  lossOf,
  type Recovered,
  type RecoveryFindings,
  recoverCluster,
} from '../../cluster/recover-cluster.ts';
import { restoreCluster } from '../../cluster/restore-cluster.ts';
import { writeBackup } from '../../node/back-up.ts';
import { findCluster, settingsFor } from '../cluster-access.ts';
import { onInterrupt } from '../interrupt.ts';
import { print } from '../print.ts';
import { table } from '../table.ts';

interface Flags {
  readonly dir?: string;
  readonly json?: true;
}

interface BackupFlags extends Flags {
  readonly node?: string;
  readonly force?: true;
}

interface RecoverFlags extends Flags {
  readonly survivors: string;
  readonly yesIMayLoseData?: true;
}

/** A verb of `tutti cluster`, with the options that all of them have. */
export type ClusterVerb = (name: string, description: string) => Command;

/** `tutti cluster backup|restore|recover`: for when more is lost than a cluster survives. */
export function addRescueCommands(program: Command, verb: ClusterVerb): void {
  const settings = (flags: Flags, nodes?: string) =>
    settingsFor({ 'cluster.directory': flags.dir, 'cluster.nodes': nodes }, program.opts()['config']).values;
  verb('backup', 'write the whole state to a file, while the cluster runs')
    .argument('<file>', 'where it goes when it is complete')
    .option('--force', 'replace a file that is there, when the backup is complete')
    .option('--node <node>', 'who is to write it (default one that follows)')
    .action(async (file: string, flags: BackupFlags) => {
      const client = findCluster(settings(flags)['cluster.directory']);
      const { signal, release } = onInterrupt();
      const options = { replace: flags.force === true, signal };
      const { snapshot, node } = await writeBackup(file, client.backup(flags.node), options).finally(release);
      const { index, term } = snapshot;
      print(flags, { file, node, index, term }, () => `${file}: the state of ${node} up to entry ${index}`);
    });
  verb('restore', 'make a new cluster from a backup, in a new directory')
    .argument('<file>', 'a backup')
    .option('--nodes <n>', 'how many nodes, 1 to 7 (default 3)')
    .action(async (file: string, flags: Flags & { readonly nodes?: string }) => {
      const values = settings(flags, flags.nodes);
      const directory = values['cluster.directory'];
      const count = values['cluster.nodes'];
      const nodes = Array.from({ length: count }, (_, at) => `n${at + 1}`);
      const { about, lineage } = await restoreCluster({
        file,
        directory,
        nodes,
        cluster: values['cluster.name'],
      });
      const restored = { directory, nodes, index: about.snapshot.index, lineage };
      print(flags, restored, () =>
        [
          `${nodes.join(', ')} in ${directory} have the state up to entry ${about.snapshot.index}`,
          `start them: tutti up --nodes ${count} --dir ${directory}`,
        ].join('\n'),
      );
    });
  verb('recover', 'go on with the nodes that are left, when a majority is lost for good')
    .requiredOption('--survivors <nodes>', 'the nodes that are left, with commas between')
    .option('--yes-i-may-lose-data', 'do it; without this it is only shown')
    .action(async (flags: RecoverFlags) => {
      const directory = settings(flags)['cluster.directory'];
      const survivors = flags.survivors.split(/[\s,]+/).filter((name) => name !== '');
      const mayLoseData = flags.yesIMayLoseData === true;
      try {
        const recovered = await recoverCluster({ directory, survivors, mayLoseData });
        print(flags, recovered, () => recoveredText(recovered, directory));
      } catch (thrown) {
        // As JSON the error says all of it.
        if (!flags.json && isTuttiError(thrown, 'TUTTI_RECOVERY_UNCONFIRMED'))
          process.stdout.write(
            `${foundText(thrown.details as ErrorDetails & RecoveryFindings, 'would say')}\n`,
          );
        throw thrown;
      }
    });
}

function foundText({ logs, plan }: RecoveryFindings, says: 'says' | 'would say'): string {
  const { voters } = plan.membership;
  const rows = logs.map(({ node, term, lastTerm, lastIndex }) => [
    node,
    String(term),
    `${lastIndex} of term ${lastTerm}`,
    node === plan.chosen && logs.length > 1 ? 'the others follow it' : '',
  ]);
  return [
    table(['survivor', 'term', 'last entry', ''], rows),
    '',
    `Entry ${plan.index} of term ${plan.term} ${says} that ${voters.join(', ')} alone belong to the group.`,
    `Out of it for ever: ${plan.dropped.join(', ') || 'nobody'}.`,
  ].join('\n');
}

function recoveredText(recovered: Recovered, directory: string): string {
  const { voters } = recovered.plan.membership;
  return [
    foundText(recovered, 'says'),
    lossOf(recovered),
    `They are of the lineage ${recovered.lineage} now: no other node can speak to them any more.`,
    '',
    `start them:    tutti up --nodes ${voters.length} --dir ${directory}`,
    'then, at once: tutti cluster snapshot, and tutti cluster add under names that no node had',
  ].join('\n');
}

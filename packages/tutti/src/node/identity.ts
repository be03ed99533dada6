import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkedJson, type LogBeginning, makePrivateDirectory } from '@tutti/consensus/file';
import {
  type ClusterId,
  clusterId,
  type Incarnation,
  incarnation,
  messageOf,
  type NodeId,
  nodeId,
  systemClock,
  TuttiError,
} from '@tutti/kernel';
import { generateKeyPair, type KeyPair } from '@tutti/transport';
import * as z from 'zod';
import { readChecked } from './read-checked.ts';
import { replaceFile } from './replace-file.ts';

/** Who a node is, across its lives: kept in `identity.json` of its data directory. */
export interface NodeIdentity {
  /** The cluster's name, as it was given. */
  readonly cluster: ClusterId;
  /** What nodes that speak to one another share: the name, and the lineage where there is one. */
  readonly clusterId: ClusterId;
  readonly lineage: string | undefined;
  readonly nodeId: NodeId;
  /** This life: one more than the last. */
  readonly incarnation: Incarnation;
  readonly keys: KeyPair;
  /** Remembers beside the log that there is one. */
  readonly beginning: LogBeginning;
}

/** Whose directory it is to be. */
export interface IdentityOwner {
  readonly cluster: string;
  readonly node: string;
  /** Those kept by default, made on the first start; others replace them. */
  readonly keys?: KeyPair | undefined;
  /** Of the cluster it is to be in; by default what is kept. */
  readonly lineage?: string | undefined;
  /** Whether the node is known to have had a log, whatever the directory says; default false. */
  readonly hadLog?: boolean | undefined;
}

const LINEAGE = /^[0-9a-f]{16}$/;

const identityFile = z.object({
  format: z.literal(1),
  clusterId: z.string(),
  lineage: z.string().regex(LINEAGE).optional(),
  nodeId: z.string(),
  incarnation: z.int().min(1),
  publicKey: z.string(),
  secretKey: z.string(),
  /** A log was begun in this directory. */
  logBegun: z.boolean().optional(),
  /** It has been given a new lineage, and its log may not have been made to fit. */
  recovering: z.boolean().optional(),
});
/** What `identity.json` says. */
export type IdentityFile = z.output<typeof identityFile>;

/** The longest name that fits an id together with a lineage. */
const NAME_LENGTH_MAX = 64 - 17;

/**
 * The id by which the nodes of a cluster know one another. A cluster that goes on from a backup, or from the survivors of
 * a lost quorum, has the name of the one before and is another: its lineage tells them apart, so that no node of the old
 * one is ever heard by the new.
 * @throws TuttiError `TUTTI_ID_INVALID`, `TUTTI_CONFIG_INVALID`
 */
export function clusterIdOf(cluster: string, lineage: string | undefined): ClusterId {
  const name = clusterId(cluster);
  if (lineage !== undefined && !LINEAGE.test(lineage))
    throw new TuttiError('TUTTI_CONFIG_INVALID', {
      source: 'createNode',
      key: 'lineage',
      value: JSON.stringify(lineage),
      problem: 'it is none',
      meaning: '16 hexadecimal digits, as `tutti cluster status` shows them',
    });
  return lineage === undefined ? name : clusterId(`${name.slice(0, NAME_LENGTH_MAX)}.${lineage}`);
}

/** Where the log is kept in a data directory. */
export const logFolderOf = (directory: string): string => join(directory, 'log');

/** The identity of a node that keeps nothing: its incarnation is the instant of its start. */
export function volatileIdentity(
  { cluster, node, keys = generateKeyPair(), lineage }: IdentityOwner,
  wallTime: number,
): NodeIdentity {
  let isNoted = false;
  return {
    cluster: clusterId(cluster),
    clusterId: clusterIdOf(cluster, lineage),
    lineage,
    nodeId: nodeId(node),
    incarnation: incarnation(wallTime),
    keys,
    beginning: {
      get isNoted() {
        return isNoted;
      },
      note: () => void (isNoted = true),
    },
  };
}

/**
 * Opens a node's identity for its next life, making it on the first start; keys that are given replace those kept. The file holds the private key and is
 * readable by its owner only, and so is the directory where this makes it.
 * @throws TuttiError `TUTTI_STORE_WRONG_CLUSTER`, `TUTTI_STORE_WRONG_NODE`, `TUTTI_IDENTITY_INVALID`,
 * `TUTTI_RECOVERY_UNFINISHED`
 */
export function openIdentity(directory: string, owner: IdentityOwner): NodeIdentity {
  const known = readIdentity(directory);
  if (known) refuseOthers(directory, known, owner);
  else makePrivateDirectory(directory);
  const { publicKey, secretKey } = owner.keys ?? known ?? generateKeyPair();
  const lineage = known?.lineage ?? owner.lineage;
  const logBegun = known?.logBegun === true || owner.hadLog === true;
  // How many lives it had is lost with the directory; it had fewer than milliseconds have passed.
  const before = known?.incarnation ?? (owner.hadLog ? systemClock.wallTime() : 0);
  const file: IdentityFile = {
    format: 1,
    clusterId: clusterId(owner.cluster),
    ...(lineage === undefined ? {} : { lineage }),
    nodeId: nodeId(owner.node),
    incarnation: before + 1,
    publicKey,
    secretKey,
    ...(logBegun ? { logBegun } : {}),
  };
  writeIdentity(directory, file);
  return {
    cluster: clusterId(file.clusterId),
    clusterId: clusterIdOf(file.clusterId, file.lineage),
    lineage: file.lineage,
    nodeId: nodeId(file.nodeId),
    incarnation: incarnation(file.incarnation),
    keys: { publicKey, secretKey },
    beginning: beginningIn(directory, file),
  };
}

function refuseOthers(
  directory: string,
  known: IdentityFile,
  { cluster, node, lineage }: IdentityOwner,
): void {
  const found = clusterIdOf(known.clusterId, known.lineage);
  const expected = clusterIdOf(cluster, lineage ?? known.lineage);
  if (found !== expected) throw new TuttiError('TUTTI_STORE_WRONG_CLUSTER', { directory, expected, found });
  if (known.nodeId !== node)
    throw new TuttiError('TUTTI_STORE_WRONG_NODE', { directory, expected: node, found: known.nodeId });
  if (known.recovering) throw new TuttiError('TUTTI_RECOVERY_UNFINISHED', { directory });
}

/** Kept in the identity, and not in the folder of the log, with which it would go. */
function beginningIn(directory: string, file: IdentityFile): LogBeginning {
  let isNoted = file.logBegun === true;
  return {
    get isNoted() {
      return isNoted;
    },
    note: () => {
      // What it says by now: somebody may have opened it for another life, and been refused the log.
      writeIdentity(directory, { ...(readIdentity(directory) ?? file), logBegun: true });
      isNoted = true;
    },
  };
}

/** @throws TuttiError `TUTTI_IDENTITY_INVALID` */
export function readIdentity(directory: string): IdentityFile | undefined {
  const file = join(directory, 'identity.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
  try {
    return identityFile.parse(readChecked(text));
  } catch (thrown) {
    throw new TuttiError('TUTTI_IDENTITY_INVALID', { file, problem: problemIn(thrown) }, { cause: thrown });
  }
}

/** Puts it in place whole or not at all. */
export function writeIdentity(directory: string, file: IdentityFile): void {
  replaceFile(join(directory, 'identity.json'), checkedJson(file), 0o600);
}

/** On one line: which fields are wrong, or why it is no JSON. */
function problemIn(thrown: unknown): string {
  if (!(thrown instanceof z.ZodError)) return messageOf(thrown);
  return thrown.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`).join('; ');
}

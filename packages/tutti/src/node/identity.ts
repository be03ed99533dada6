import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ClusterId,
  clusterId,
  type Incarnation,
  incarnation,
  messageOf,
  type NodeId,
  nodeId,
  TuttiError,
} from '@tutti/kernel';
import { generateKeyPair, type KeyPair } from '@tutti/transport';
import * as z from 'zod';
import { replaceFile } from './replace-file.ts';

/** Who a node is, across its lives: kept in `identity.json` of its data directory. */
export interface NodeIdentity {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  /** This life: one more than the last. */
  readonly incarnation: Incarnation;
  readonly keys: KeyPair;
}

const identityFile = z.object({
  format: z.literal(1),
  clusterId: z.string(),
  nodeId: z.string(),
  incarnation: z.int().min(1),
  publicKey: z.string(),
  secretKey: z.string(),
});

/** The identity of a node that keeps nothing: its incarnation is the instant of its start. */
export function volatileIdentity(
  cluster: string,
  node: string,
  wallTime: number,
  keys: KeyPair = generateKeyPair(),
): NodeIdentity {
  return {
    clusterId: clusterId(cluster),
    nodeId: nodeId(node),
    incarnation: incarnation(wallTime),
    keys,
  };
}

/**
 * Opens a node's identity for its next life, making it on the first start; keys that are given replace those kept. The file holds the private key and is
 * readable by its owner only.
 * @throws TuttiError `TUTTI_STORE_WRONG_CLUSTER`, `TUTTI_STORE_WRONG_NODE`, `TUTTI_IDENTITY_INVALID`
 */
export function openIdentity(
  directory: string,
  cluster: string,
  node: string,
  given?: KeyPair,
): NodeIdentity {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'identity.json');
  const known = readIdentity(file);
  if (known && known.clusterId !== cluster)
    throw new TuttiError('TUTTI_STORE_WRONG_CLUSTER', {
      directory,
      expected: cluster,
      found: known.clusterId,
    });
  if (known && known.nodeId !== node)
    throw new TuttiError('TUTTI_STORE_WRONG_NODE', { directory, expected: node, found: known.nodeId });
  const keys = given ?? known ?? generateKeyPair();
  const life = (known?.incarnation ?? 0) + 1;
  const row = {
    format: 1,
    clusterId: clusterId(cluster),
    nodeId: nodeId(node),
    incarnation: life,
    publicKey: keys.publicKey,
    secretKey: keys.secretKey,
  };
  replaceFile(file, `${JSON.stringify(row, undefined, 2)}\n`, 0o600);
  return {
    clusterId: row.clusterId,
    nodeId: row.nodeId,
    incarnation: incarnation(life),
    keys: { publicKey: keys.publicKey, secretKey: keys.secretKey },
  };
}

function readIdentity(file: string): z.output<typeof identityFile> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
  try {
    return identityFile.parse(JSON.parse(text));
  } catch (thrown) {
    throw new TuttiError('TUTTI_IDENTITY_INVALID', { file, problem: problemIn(thrown) }, { cause: thrown });
  }
}

/** On one line: which fields are wrong, or why it is no JSON. */
function problemIn(thrown: unknown): string {
  if (!(thrown instanceof z.ZodError)) return messageOf(thrown);
  return thrown.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`).join('; ');
}

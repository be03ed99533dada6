import type { WorkInput } from '@tutti/actors';
import { sha256 } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { type Contract, operationsOf, storefrontContract } from './contract.ts';

/** What every module of the service stands on, whoever writes it. */
const FOUNDATION = [
  'schema.sql',
  'problem.mjs',
  'schema.mjs',
  'router.mjs',
  'body.mjs',
  'database.mjs',
  'products.mjs',
];

/** "Product API design": writes the contract, the tables and the foundation of the service. */
export async function designProductApi(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const contract = storefrontContract();
  checkContract(contract);
  await folder.copyTemplates(FOUNDATION.map((name) => `service/${name}`));
  return {
    contract,
    contractFile: await folder.writeJson('service/contract.json', contract),
    contractDigest: contractDigest(contract),
    schema: 'service/schema.sql',
  };
}

/** Names one version of the contract: the client, the service and the tests must carry the same. */
export function contractDigest(contract: Contract): string {
  return sha256(JSON.stringify(contract)).slice(0, 16);
}

function checkContract(contract: Contract): void {
  const checks = new Checks();
  const ids = [...operationsOf(contract)].map(({ operation }) => operation.operationId);
  checks.equal('operation ids are unique', ids.length, new Set(ids).size);
  for (const { path, operation } of operationsOf(contract)) {
    const inTemplate = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const declared = (operation.parameters ?? []).filter(({ in: where }) => where === 'path');
    checks.equal(
      `path parameters of ${operation.operationId}`,
      declared.map(({ name }) => name),
      inTemplate,
    );
  }
}

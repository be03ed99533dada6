import { copyFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import type { WorkInput } from '@tutti/actors';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { Pace } from '../pace.ts';
import { call } from '../service-client.ts';
import { withService } from '../service-process.ts';
import type { Account } from './authentication.ts';
import { tryOrders } from './order-books.ts';

const MODULES = ['orders.mjs', 'metrics.mjs', 'site.mjs', 'app.mjs', 'server.mjs'];

/** The port that compose, Kubernetes and Prometheus agree on; tests use a free one. */
export const SERVICE_PORT = 8080;

/**
 * "Order management system": the last of the backend. It adds orders to the modules of the others, does
 * the accounts of a few thousand of them, fills the database that devops made with stock and accounts, and starts the
 * whole once to see that it answers.
 */
export async function buildOrders(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  await folder.copyTemplates(MODULES.map((name) => `service/${name}`));
  const books = await tryOrders(folder, new Pace(input.signal));
  const { contractDigest } = input.needs['product-api-design'] as { contractDigest: string };
  const { currency } = input.needs['database-setup'] as { currency: string };
  await folder.writeJson('service/config.json', {
    port: SERVICE_PORT,
    currency,
    seed: 'service/storefront.sqlite',
    bodyBytesMax: 64 * 1024,
    // The provider is a stand-in; a real one's key would come from the environment.
    providerSecret: 'demonstration',
  });
  await folder.build('service/storefront.sqlite', (path) => fillDatabase(folder, path));
  const health = await withService(input, (service) => call(service, input.signal, '/health'));
  const checks = new Checks();
  checks.equal('the service answers', health.body, { status: 'ok', version: '1.0.0', currency });
  return {
    service: 'service/server.mjs',
    database: 'service/storefront.sqlite',
    books,
    deployment_config: { contractDigest, port: SERVICE_PORT, currency },
  };
}

async function fillDatabase(folder: OutputFolder, path: string): Promise<void> {
  await copyFile(folder.path('database/storefront.sqlite'), path);
  const stock = await folder.readJson<Record<string, number>>('inventory/opening-stock.json');
  const accounts = await folder.readJson<readonly Account[]>('accounts/demonstration.json');
  const database = new DatabaseSync(path);
  try {
    // Nothing may stay beside the file when it is renamed, so its journal is kept in memory.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN');
    const insertStock = database.prepare('INSERT INTO stock VALUES (?, ?, 0)');
    for (const [sku, onHand] of Object.entries(stock)) insertStock.run(sku, onHand);
    const insertAccount = database.prepare('INSERT INTO accounts VALUES (?, ?, ?, ?, ?)');
    for (const { email, name, role, salt, hash } of accounts)
      insertAccount.run(email, name, role, salt, hash);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

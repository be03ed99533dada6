import { DatabaseSync } from 'node:sqlite';
import type { WorkInput } from '@tutti/actors';
import { insertProducts } from '../backend/service-modules.ts';
import { loadCatalogue, variants } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { Pace } from '../pace.ts';

interface Migration {
  readonly name: string;
  readonly up: string;
  readonly down: string;
}

/** What the server is configured for; the backend's needs are compared with it. */
const CONNECTIONS_MAX = 60;
const STORAGE_MB = 2_048;

/**
 * "Database setup (PostgreSQL)": renders migrations and a seed for PostgreSQL from the service's tables, proves on
 * SQLite that they give the same tables and that undoing them leaves nothing, and loads the catalogue into the
 * database file that the demonstration runs on.
 */
export async function setUpDatabase(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const pace = new Pace(input.signal);
  const schema = await folder.read('service/schema.sql');
  const migrations = postgresMigrations(schema);
  const checks = checkMigrations(migrations, schema);
  for (const { name, up, down } of migrations) {
    await folder.write(`database/migrations/${name}.up.sql`, up);
    await folder.write(`database/migrations/${name}.down.sql`, down);
  }
  const catalogue = await loadCatalogue();
  await folder.write('database/seed/products.csv', await productsCsv(pace));
  await folder.write('database/postgresql.conf', postgresConfiguration());
  let products = 0;
  await folder.build('database/storefront.sqlite', async (path) => {
    products = await loadDatabase(path, schema, pace, checks);
  });
  return {
    migrations: 'database/migrations',
    seed: 'database/seed/products.csv',
    database: 'database/storefront.sqlite',
    currency: catalogue.currency,
    products,
    checks: checks.passed,
    infrastructure_provisions: {
      postgres: { version: '17.2', port: 5432, connections: CONNECTIONS_MAX, storageMb: STORAGE_MB },
    },
  };
}

/** One migration for each table with its indices, in the order of the references between them. */
function postgresMigrations(schema: string): Migration[] {
  const migrations: Migration[] = [];
  let table = '';
  for (const statement of statementsOf(schema)) {
    const created = /^CREATE TABLE (\w+)/.exec(statement)?.[1];
    if (created !== undefined) {
      table = created;
      const name = `${String(migrations.length + 1).padStart(4, '0')}_${table}`;
      migrations.push({ name, up: '', down: `DROP TABLE ${table};\n` });
    }
    const last = migrations.at(-1);
    if (last === undefined) throw new Error(`an index stands before its table: ${statement}`);
    // SQLite's integer has 64 bits and PostgreSQL's has 32.
    const up = `${last.up}${statement.replaceAll(/\bINTEGER\b/g, 'BIGINT')};\n`;
    migrations[migrations.length - 1] = { ...last, up };
  }
  return migrations;
}

function statementsOf(sql: string): string[] {
  return sql
    .replaceAll(/^--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function checkMigrations(migrations: readonly Migration[], schema: string): Checks {
  const checks = new Checks();
  const wanted = new DatabaseSync(':memory:');
  const migrated = new DatabaseSync(':memory:');
  try {
    wanted.exec(schema);
    for (const { up } of migrations) migrated.exec(up.replaceAll(/\bBIGINT\b/g, 'INTEGER'));
    checks.equal('migrated tables and indices', shapeOf(migrated), shapeOf(wanted));
    for (const { down } of migrations.toReversed()) migrated.exec(down);
    checks.equal('tables left after undoing', shapeOf(migrated), []);
  } finally {
    wanted.close();
    migrated.close();
  }
  return checks;
}

function shapeOf(database: DatabaseSync): unknown[] {
  const objects = database
    .prepare(
      "SELECT type, name, tbl_name AS tableName FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .all();
  return objects.map(({ type, name, tableName }) => {
    const pragma = type === 'table' ? 'table_info' : 'index_info';
    const columns = database.prepare(`SELECT * FROM pragma_${pragma}(?)`).all(String(name));
    return { type, name, tableName, columns: columns.map((column) => ({ ...column })) };
  });
}

async function productsCsv(pace: Pace): Promise<string> {
  const quote = (value: string | number) => `"${String(value).replaceAll('"', '""')}"`;
  const lines = ['sku,product_id,title,category,description,price_cents,image'];
  for (const { sku, productId, title, category, description, priceCents, image } of variants(
    await loadCatalogue(),
  )) {
    lines.push([sku, productId, title, category, description, priceCents, image].map(quote).join(','));
    await pace.next();
  }
  return `${lines.join('\n')}\n`;
}

async function loadDatabase(path: string, schema: string, pace: Pace, checks: Checks): Promise<number> {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA journal_mode = MEMORY');
    database.exec(schema);
    const inserted = await insertProducts(database, await loadCatalogue(), pace);
    const plan = database
      .prepare('EXPLAIN QUERY PLAN SELECT sku FROM products WHERE category = ? ORDER BY sku')
      .all('kitchen')
      .map(({ detail }) => String(detail));
    checks.equal(
      'browsing a category reads its index',
      plan.some((step) => step.includes('products_by_category')),
      true,
    );
    const [integrity] = database.prepare('PRAGMA integrity_check').all();
    checks.equal('integrity', integrity?.['integrity_check'], 'ok');
    return inserted;
  } finally {
    database.close();
  }
}

function postgresConfiguration(): string {
  return [
    `max_connections = ${CONNECTIONS_MAX}`,
    'shared_buffers = 256MB',
    'wal_level = replica',
    'synchronous_commit = on',
    "idle_in_transaction_session_timeout = '10s'",
    "statement_timeout = '5s'",
    '',
  ].join('\n');
}

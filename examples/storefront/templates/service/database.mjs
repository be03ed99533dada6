import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Tables in an order in which every reference points backwards. */
const TABLES = ['products', 'stock', 'accounts'];

/**
 * Opens `path` (`:memory:` for a throw-away copy), creates the schema where it is missing, and fills an empty
 * database from the file `seed`, which is only read.
 */
export function openDatabase({ path, seed, schema }) {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 2000;');
  const { tables } = database
    .prepare("SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table'")
    .get();
  if (tables === 0) database.exec(readFileSync(schema, 'utf8'));
  if (tables === 0 && seed !== undefined) copySeed(database, seed);
  return database;
}

function copySeed(database, seed) {
  database.prepare('ATTACH DATABASE ? AS seed').run(seed);
  database.exec('BEGIN');
  for (const table of TABLES) database.exec(`INSERT INTO main.${table} SELECT * FROM seed.${table}`);
  database.exec('COMMIT; DETACH DATABASE seed;');
}

/** Runs `body` in a transaction; an error rolls back and goes on. */
export function transact(database, body) {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = body();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

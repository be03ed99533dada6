import type { DatabaseSync } from 'node:sqlite';
import { DatabaseSync as Database } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { type Catalogue, drawn, type Variant, variants } from '../catalogue.ts';
import type { OutputFolder } from '../output-folder.ts';
import type { Pace } from '../pace.ts';

export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

/** What the backend's tasks call of `service/inventory.mjs` to judge it. */
export interface InventoryModule {
  readonly createInventory: (database: DatabaseSync) => {
    reserve(lines: readonly Line[]): void;
    release(lines: readonly Line[]): void;
    ship(lines: readonly Line[]): void;
  };
}

export interface ChargeRequest {
  readonly idempotencyKey: string;
  readonly amountCents: number;
  readonly card: string;
}

export interface PaymentsModule {
  readonly passesLuhn: (number: string) => boolean;
  readonly fakeProvider: (
    secret: string,
  ) => (request: ChargeRequest) => Promise<{ captured: boolean; reference: string }>;
  readonly createPayments: (parts: {
    readonly database: DatabaseSync;
    readonly provider: (request: ChargeRequest) => Promise<{ captured: boolean; reference: string }>;
  }) => {
    charge(
      request: ChargeRequest & { readonly orderId: string },
    ): Promise<{ status: string; amountCents: number; repeated: boolean }>;
  };
}

export interface AccountsModule {
  readonly hashPassword: (password: string, salt: string) => Promise<string>;
  readonly createAccounts: (parts: { readonly database: DatabaseSync; readonly now?: () => number }) => {
    register(account: { email: string; name: string; password: string }): Promise<{ email: string }>;
    signIn(account: { email: string; password: string }): Promise<{ token: string; expiresAt: number }>;
    authenticate(header: string | undefined): { email: string; role: string } | undefined;
  };
}

export interface DatabaseModule {
  readonly transact: <T>(database: DatabaseSync, body: () => T) => T;
}

/** Loads a module of the service from the session's folder, as the service itself will. */
export async function loadModule<T>(folder: OutputFolder, name: string): Promise<T> {
  return (await import(pathToFileURL(folder.path(name)).href)) as T;
}

/** An empty database in memory with the service's tables. */
export async function scratchDatabase(folder: OutputFolder): Promise<DatabaseSync> {
  const database = new Database(':memory:');
  database.exec('PRAGMA foreign_keys = ON');
  database.exec(await folder.read('service/schema.sql'));
  return database;
}

/** Puts the whole catalogue into `products`, in transactions short enough to leave the event loop room. */
export async function insertProducts(
  database: DatabaseSync,
  catalogue: Catalogue,
  pace: Pace,
): Promise<number> {
  const insert = database.prepare('INSERT INTO products VALUES (?, ?, ?, ?, ?, ?, ?)');
  let count = 0;
  database.exec('BEGIN');
  for (const { sku, productId, title, category, description, priceCents, image } of variants(catalogue)) {
    insert.run(sku, productId, title, category, description, priceCents, image);
    count++;
    await pace.next();
  }
  database.exec('COMMIT');
  return count;
}

/** What the warehouse has on the first day: from 20 to 79 of each, the same on every run. */
export function openingStock(variant: Variant): number {
  return 20 + drawn(`stock:${variant.sku}`, 60);
}

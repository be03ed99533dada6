import type { WorkInput } from '@tutti/actors';
import { drawn, loadCatalogue, variants } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { Pace } from '../pace.ts';
import {
  type DatabaseModule,
  type InventoryModule,
  insertProducts,
  type Line,
  loadModule,
  openingStock,
  scratchDatabase,
} from './service-modules.ts';

/** How many buyers the check sends at the stock; each wants one to three products. */
const BUYERS = 20_000;

/**
 * "Inventory management": writes the module and the opening stock, then sends a crowd of buyers at a few scarce
 * products of the full catalogue and balances the books against a count kept on the side.
 */
export async function buildInventory(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const pace = new Pace(input.signal);
  await folder.copyTemplates(['service/inventory.mjs']);
  const catalogue = await loadCatalogue();
  const stock = [...variants(catalogue)].map((variant) => [variant.sku, openingStock(variant)] as const);
  const trial = await tryInventory(folder, stock, pace);
  return {
    stock: await folder.writeJson('inventory/opening-stock.json', Object.fromEntries(stock)),
    inventoryReport: await folder.writeJson('inventory/verification.json', trial),
    inventoryModule: 'service/inventory.mjs',
    ...trial,
    infrastructure_needs: infrastructureNeeds(),
  };
}

async function tryInventory(folder: OutputFolder, stock: readonly (readonly [string, number])[], pace: Pace) {
  const { createInventory } = await loadModule<InventoryModule>(folder, 'service/inventory.mjs');
  const { transact } = await loadModule<DatabaseModule>(folder, 'service/database.mjs');
  const database = await scratchDatabase(folder);
  try {
    await insertProducts(database, await loadCatalogue(), pace);
    const insert = database.prepare('INSERT INTO stock VALUES (?, ?, 0)');
    for (const [sku, onHand] of stock) insert.run(sku, onHand);
    const inventory = createInventory(database);
    const scarce = stock.slice(0, 200).map(([sku]) => sku);
    const sold = new Map<string, number>();
    let refused = 0;
    for (let buyer = 0; buyer < BUYERS; buyer++) {
      const lines = basket(buyer, scarce);
      try {
        transact(database, () => inventory.reserve(lines));
        // Every third buyer changes their mind; the rest take the goods home.
        if (buyer % 3 === 0) transact(database, () => inventory.release(lines));
        else transact(database, () => inventory.ship(lines));
        if (buyer % 3 !== 0)
          for (const line of lines) sold.set(line.sku, (sold.get(line.sku) ?? 0) + line.quantity);
      } catch (error) {
        if ((error as { code?: string }).code !== 'OUT_OF_STOCK') throw error;
        refused++;
      }
      await pace.next();
    }
    return balance(
      database.prepare('SELECT sku, on_hand AS onHand, reserved FROM stock').all(),
      stock,
      sold,
      refused,
    );
  } finally {
    database.close();
  }
}

function basket(buyer: number, scarce: readonly string[]): Line[] {
  const chosen = new Set<string>();
  for (let item = 0; item <= drawn(`lines:${buyer}`, 3); item++) {
    chosen.add(scarce[drawn(`sku:${buyer}:${item}`, scarce.length)] ?? '');
  }
  return [...chosen].map((sku) => ({ sku, quantity: 1 + drawn(`quantity:${buyer}:${sku}`, 4) }));
}

function balance(
  rows: readonly Record<string, unknown>[],
  stock: readonly (readonly [string, number])[],
  sold: ReadonlyMap<string, number>,
  refused: number,
) {
  const checks = new Checks();
  const opening = new Map(stock);
  for (const { sku, onHand, reserved } of rows) {
    const expected = (opening.get(String(sku)) ?? 0) - (sold.get(String(sku)) ?? 0);
    checks.equal(`books of ${String(sku)}`, { onHand, reserved }, { onHand: expected, reserved: 0 });
  }
  checks.holds('the crowd sold something out', refused > 0, refused, 'refusals');
  return { skus: rows.length, buyers: BUYERS, refused };
}

/** What the service has to find where it is deployed: the backend's side of "Infrastructure Ready". */
function infrastructureNeeds() {
  return {
    postgres: { version: '>=16', port: 5432, connections: 40, storageMb: 512 },
    redis: { version: '7', port: 6379, memoryMb: 48 },
    api: { port: 8080, replicas: 2, memoryMb: 256 },
  };
}

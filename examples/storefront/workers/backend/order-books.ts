import type { DatabaseSync } from 'node:sqlite';
import { drawn, loadCatalogue, variants } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import type { OutputFolder } from '../output-folder.ts';
import type { Pace } from '../pace.ts';
import { cardNumber, DECLINED } from './payments.ts';
import {
  type InventoryModule,
  insertProducts,
  type Line,
  loadModule,
  type PaymentsModule,
  scratchDatabase,
} from './service-modules.ts';

interface Order {
  readonly id: string;
  readonly status: string;
}

interface OrdersModule {
  readonly createOrders: (parts: { database: DatabaseSync; inventory: object; payments: object }) => {
    place(request: { email: string; idempotencyKey: string; items: readonly Line[] }): Order;
    pay(request: { email: string; id: string; card: string; idempotencyKey: string }): Promise<unknown>;
    cancel(request: { email: string; id: string }): Order;
  };
}

const ORDERS = 6_000;
const STOCK = 200;
const PRODUCTS = 60;
const EMAIL = 'books@storefront.example';

/**
 * Puts thousands of orders through the order module, with declined cards, cancellations in the middle of payments,
 * and repeated requests, and then does the accounts from the tables alone: every piece is on the shelf, reserved for
 * a pending order, or in a paid one, and every paid order has exactly one captured payment of its total.
 */
export async function tryOrders(folder: OutputFolder, pace: Pace) {
  const { createOrders } = await loadModule<OrdersModule>(folder, 'service/orders.mjs');
  const { createInventory } = await loadModule<InventoryModule>(folder, 'service/inventory.mjs');
  const { createPayments, fakeProvider } = await loadModule<PaymentsModule>(folder, 'service/payments.mjs');
  const database = await scratchDatabase(folder);
  try {
    const skus = await stockUp(database, pace);
    const inventory = createInventory(database);
    const payments = createPayments({ database, provider: fakeProvider('books') });
    const orders = createOrders({ database, inventory, payments });
    const refused: Record<string, number> = {};
    for (let number = 0; number < ORDERS; number++) {
      await trade(orders, number, skus).catch((error: { code?: string }) => {
        if (error.code === undefined) throw error;
        refused[error.code] = (refused[error.code] ?? 0) + 1;
      });
      await pace.next();
    }
    return { ...balance(database), refused };
  } finally {
    database.close();
  }
}

async function stockUp(database: DatabaseSync, pace: Pace): Promise<string[]> {
  const catalogue = await loadCatalogue();
  await insertProducts(database, catalogue, pace);
  const skus = [...variants(catalogue)].slice(0, PRODUCTS).map(({ sku }) => sku);
  const insert = database.prepare('INSERT INTO stock VALUES (?, ?, 0)');
  for (const sku of skus) insert.run(sku, STOCK);
  database.prepare("INSERT INTO accounts VALUES (?, 'Books', 'customer', '', '')").run(EMAIL);
  return skus;
}

async function trade(
  orders: ReturnType<OrdersModule['createOrders']>,
  number: number,
  skus: readonly string[],
): Promise<void> {
  const items = [0, 1].map((line) => ({
    sku: skus[drawn(`books:${number}:${line}`, skus.length)] ?? '',
    quantity: 1 + drawn(`books:quantity:${number}:${line}`, 3),
  }));
  const request = { email: EMAIL, idempotencyKey: `books-${number}`, items };
  const { id } = orders.place(request);
  orders.place(request);
  const fate = drawn(`books:fate:${number}`, 4);
  if (fate === 0) return void orders.cancel({ email: EMAIL, id });
  const card = cardNumber(`books:${number}`, fate === 1 ? DECLINED : '');
  const pay = () => orders.pay({ email: EMAIL, id, card, idempotencyKey: 'books-payment' });
  const first = pay();
  // The provider has not answered yet: neither a second payment nor a cancellation may slip in between.
  const meanwhile = await Promise.allSettled([pay(), (async () => orders.cancel({ email: EMAIL, id }))()]);
  new Checks().equal(
    `order ${number} while it is being paid`,
    meanwhile.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  await first;
}

function balance(database: DatabaseSync) {
  const checks = new Checks();
  const sum = (status: string) =>
    `coalesce((SELECT sum(l.quantity) FROM order_lines l JOIN orders o ON o.id = l.order_id
      WHERE l.sku = s.sku AND o.status = '${status}'), 0)`;
  const wrongStock = database
    .prepare(
      `SELECT sku FROM stock s WHERE on_hand <> ${STOCK} - ${sum('paid')} OR reserved <> ${sum('pending')}`,
    )
    .all();
  checks.equal('products whose pieces do not add up', wrongStock, []);
  const unpaid = database
    .prepare(
      `SELECT id FROM orders o WHERE (status = 'paid') <> (1 = (SELECT count(*) FROM payments p
        WHERE p.order_id = o.id AND p.status = 'captured' AND p.amount_cents = o.total_cents))`,
    )
    .all();
  checks.equal('orders whose payments do not add up', unpaid, []);
  const counts = database.prepare('SELECT status, count(*) AS total FROM orders GROUP BY status').all();
  return Object.fromEntries(counts.map(({ status, total }) => [String(status), Number(total)]));
}

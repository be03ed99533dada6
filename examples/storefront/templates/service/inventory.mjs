import { Problem } from './problem.mjs';

/**
 * Stock by reservation. The condition stands in the update itself, so two buyers of the last piece cannot both get
 * it, on SQLite and on PostgreSQL alike. Call inside a transaction to reserve several lines or none.
 */
export function createInventory(database) {
  const take = database.prepare(
    'UPDATE stock SET reserved = reserved + :quantity WHERE sku = :sku AND on_hand - reserved >= :quantity',
  );
  const giveBack = database.prepare(
    'UPDATE stock SET reserved = reserved - :quantity WHERE sku = :sku AND reserved >= :quantity',
  );
  const ship = database.prepare(
    `UPDATE stock SET on_hand = on_hand - :quantity, reserved = reserved - :quantity
      WHERE sku = :sku AND reserved >= :quantity`,
  );
  const fill = database.prepare(
    'UPDATE stock SET on_hand = :onHand WHERE sku = :sku AND reserved <= :onHand',
  );
  const lowest = database.prepare(
    `SELECT sku, on_hand AS onHand, reserved, on_hand - reserved AS available FROM stock
      ORDER BY available, sku LIMIT ?`,
  );
  const count = database.prepare('SELECT count(*) AS total FROM stock');

  function change(statement, lines, code, message) {
    for (const line of lines) {
      if (statement.run({ sku: line.sku, quantity: line.quantity }).changes === 0) {
        throw new Problem(409, code, `${message} ${line.sku}`);
      }
    }
  }

  return {
    reserve: (lines) => change(take, lines, 'OUT_OF_STOCK', 'not enough left of'),
    release: (lines) => change(giveBack, lines, 'NOT_RESERVED', 'no such reservation of'),
    ship: (lines) => change(ship, lines, 'NOT_RESERVED', 'no such reservation of'),
    restock(sku, onHand) {
      if (fill.run({ sku, onHand }).changes === 0) {
        throw new Problem(409, 'RESERVED_ABOVE', `more of ${sku} is reserved than that`);
      }
    },
    lowest: (limit) => ({ items: lowest.all(limit), total: count.get().total }),
  };
}

import { randomUUID } from 'node:crypto';
import { transact } from './database.mjs';
import { Problem } from './problem.mjs';

/** pending -> paid | cancelled. Placing reserves stock, paying ships it, cancelling gives it back. */
export function createOrders({ database, inventory, payments }) {
  const price = database.prepare('SELECT price_cents AS priceCents FROM products WHERE sku = ?');
  const byKey = database.prepare('SELECT id FROM orders WHERE email = ? AND idempotency_key = ?');
  const insert = database.prepare("INSERT INTO orders VALUES (?, ?, ?, 'pending', ?)");
  const insertLine = database.prepare('INSERT INTO order_lines VALUES (?, ?, ?, ?)');
  const find = database.prepare(
    'SELECT id, status, total_cents AS totalCents FROM orders WHERE id = ? AND email = ?',
  );
  const linesOf = database.prepare(
    'SELECT sku, quantity, price_cents AS priceCents FROM order_lines WHERE order_id = ? ORDER BY sku',
  );
  const mine = database.prepare(
    'SELECT id, status, total_cents AS totalCents FROM orders WHERE email = ? ORDER BY id',
  );
  const otherCharge = database.prepare(
    "SELECT 1 FROM payments WHERE order_id = ? AND idempotency_key <> ? AND status <> 'declined'",
  );
  const move = database.prepare("UPDATE orders SET status = ? WHERE id = ? AND status = 'pending'");

  function place({ email, idempotencyKey, items }) {
    return transact(database, () => {
      const earlier = byKey.get(email, idempotencyKey);
      if (earlier !== undefined) return read(email, earlier.id);
      const lines = priced(items);
      inventory.reserve(lines);
      const id = randomUUID();
      const totalCents = lines.reduce((sum, line) => sum + line.priceCents * line.quantity, 0);
      insert.run(id, email, idempotencyKey, totalCents);
      for (const line of lines) insertLine.run(id, line.sku, line.quantity, line.priceCents);
      return read(email, id);
    });
  }

  /** Prices come from the database, never from the buyer. Lines of one product are added up. */
  function priced(items) {
    const quantities = new Map();
    for (const { sku, quantity } of items) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
    return [...quantities].map(([sku, quantity]) => {
      const row = price.get(sku);
      if (row === undefined) throw new Problem(404, 'NO_SUCH_PRODUCT', `there is no product ${sku}`);
      return { sku, quantity, priceCents: row.priceCents };
    });
  }

  function read(email, id) {
    const order = find.get(id, email);
    // Somebody else's order is answered as if it did not exist, so that ids cannot be probed.
    if (order === undefined) throw new Problem(404, 'NO_SUCH_ORDER', `there is no order ${id}`);
    return { ...order, items: linesOf.all(id).map((line) => ({ ...line })) };
  }

  async function pay({ email, id, card, idempotencyKey }) {
    const order = read(email, id);
    if (order.status === 'cancelled') throw new Problem(409, 'ORDER_CANCELLED', 'the order was cancelled');
    const key = `${id}:${idempotencyKey}`;
    // Two different keys for one order must not both reach the provider.
    if (otherCharge.get(id, key) !== undefined) {
      throw new Problem(409, 'ALREADY_CHARGED', 'another payment of this order is under way or done');
    }
    const payment = await payments.charge({
      idempotencyKey: key,
      orderId: id,
      amountCents: order.totalCents,
      card,
    });
    if (payment.status === 'declined') throw new Problem(402, 'CARD_DECLINED', 'the card was declined');
    transact(database, () => {
      if (move.run('paid', id).changes === 1) inventory.ship(order.items);
    });
    return { orderId: id, status: 'paid', amountCents: payment.amountCents, reference: payment.reference };
  }

  function cancel({ email, id }) {
    return transact(database, () => {
      const order = read(email, id);
      if (order.status === 'cancelled') return order;
      if (otherCharge.get(id, '') !== undefined)
        throw new Problem(409, 'ALREADY_PAID', 'a paid order is not cancelled');
      move.run('cancelled', id);
      inventory.release(order.items);
      return read(email, id);
    });
  }

  function list(email) {
    const items = mine.all(email).map((row) => ({ ...row }));
    return { items, total: items.length };
  }

  return { place, read, pay, cancel, list };
}

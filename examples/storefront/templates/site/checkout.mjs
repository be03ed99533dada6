/** One order and one payment of it, each named so that the service can tell a repetition. */
export function newKeys(newKey) {
  return { order: newKey(), payment: newKey() };
}

/** A declined card may be followed by another one, which is another payment of the same order. */
export function keysAfter(error, keys, newKey) {
  return error.code === 'CARD_DECLINED' ? { ...keys, payment: newKey() } : keys;
}

/**
 * Takes a cart to a paid order. The keys are made once for each try of a customer and kept until it ends, so that a
 * lost answer or a second press of the button neither orders nor charges twice.
 */
export async function checkOut({ client, cart, card, keys }) {
  const items = cart.lines();
  if (items.length === 0) throw new Error('The cart is empty.');
  const order = await client.placeOrder({ body: { idempotencyKey: keys.order, items } });
  const payment = await client.payOrder({ id: order.id, body: { idempotencyKey: keys.payment, card } });
  cart.clear();
  return { order, payment };
}

/** What the back office shows first: the products that will run out soonest. */
export async function loadShortages(client, below) {
  const { items, total } = await client.readInventory();
  return { short: items.filter((item) => item.available < below), total };
}

/** Sets stock and price together, and returns the product as customers now see it. */
export async function restock(client, { sku, priceCents, onHand }) {
  return await client.updateProduct({ sku, body: { priceCents, onHand } });
}

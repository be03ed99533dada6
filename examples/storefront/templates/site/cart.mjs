const KEY = 'storefront.cart';
const LINES_MAX = 50;
const QUANTITY_MAX = 20;

/**
 * The cart of this browser. It keeps products and quantities and no prices: those are the service's to say.
 * `storage` is anything with `getItem`, `setItem` and `removeItem`.
 */
export function createCart(storage) {
  const lines = () => JSON.parse(storage.getItem(KEY) ?? '[]');
  const save = (next) => storage.setItem(KEY, JSON.stringify(next));

  function add(sku, quantity = 1) {
    const current = lines();
    const line = current.find((candidate) => candidate.sku === sku);
    if (line === undefined && current.length >= LINES_MAX)
      throw new Error(`a cart takes ${LINES_MAX} products`);
    if (line === undefined) current.push({ sku, quantity: Math.min(quantity, QUANTITY_MAX) });
    else line.quantity = Math.min(line.quantity + quantity, QUANTITY_MAX);
    save(current);
  }

  return {
    lines,
    add,
    remove: (sku) => save(lines().filter((line) => line.sku !== sku)),
    clear: () => storage.removeItem(KEY),
    /** The lines with what the service says about them now, and the total. */
    async priced(client) {
      const priced = await Promise.all(
        lines().map(async (line) => ({ ...line, product: await client.readProduct({ sku: line.sku }) })),
      );
      const totalCents = priced.reduce(
        (sum, { quantity, product }) => sum + quantity * product.priceCents,
        0,
      );
      return {
        lines: priced,
        totalCents,
        short: priced.filter((line) => line.product.available < line.quantity),
      };
    },
  };
}

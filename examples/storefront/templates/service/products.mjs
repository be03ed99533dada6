import { Problem } from './problem.mjs';

const COLUMNS = `p.sku, p.product_id AS productId, p.title, p.category, p.description, p.price_cents AS priceCents,
  p.image, s.on_hand - s.reserved AS available`;

/** Reads and prices of products. Lists are cached; what one product has left is always read fresh. */
export function createProducts({ database, cache, currency }) {
  const one = database.prepare(`SELECT ${COLUMNS} FROM products p JOIN stock s USING (sku) WHERE p.sku = ?`);
  const where = `WHERE (:category = '' OR p.category = :category)
    AND (:pattern = '' OR p.title LIKE :pattern ESCAPE '!')`;
  const page = database.prepare(
    `SELECT ${COLUMNS} FROM products p JOIN stock s USING (sku) ${where} ORDER BY p.sku LIMIT :limit`,
  );
  const count = database.prepare(`SELECT count(*) AS total FROM products p ${where}`);
  const setPrice = database.prepare('UPDATE products SET price_cents = ? WHERE sku = ?');

  function list({ q = '', category = '', limit = '24' }) {
    const size = Number(limit);
    if (!Number.isSafeInteger(size) || size < 1 || size > 100) {
      throw new Problem(400, 'BAD_LIMIT', 'limit must be from 1 to 100');
    }
    // SQLite ends a pattern at a zero byte, which would turn an odd search into one for everything.
    if (/\p{Cc}/u.test(q + category))
      throw new Problem(400, 'BAD_SEARCH', 'a search has no control characters');
    const key = `products:${JSON.stringify([q, category, size])}`;
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const pattern = q === '' ? '' : `%${q.replaceAll(/[!%_]/g, '!$&')}%`;
    const items = page.all({ category, pattern, limit: size }).map((row) => ({ ...row, currency }));
    const answer = { items, total: count.get({ category, pattern }).total };
    cache.set(key, answer);
    return answer;
  }

  function read(sku) {
    const row = one.get(sku);
    if (row === undefined) throw new Problem(404, 'NO_SUCH_PRODUCT', `there is no product ${sku}`);
    return { ...row, currency };
  }

  function reprice(sku, priceCents) {
    if (setPrice.run(priceCents, sku).changes === 0) {
      throw new Problem(404, 'NO_SUCH_PRODUCT', `there is no product ${sku}`);
    }
    cache.forget('products:');
  }

  return { list, read, reprice };
}

/**
 * What the pages will call, send and read: the frontend's side of "API Contract Agreement". A field may be nested, as
 * in `items[].priceCents`.
 */
export interface ExpectedContract {
  readonly calls: readonly ExpectedCall[];
}

export interface ExpectedCall {
  readonly method: string;
  readonly path: string;
  readonly sends: Readonly<Record<string, string>>;
  readonly reads: Readonly<Record<string, string>>;
}

const CALLS: readonly ExpectedCall[] = [
  call(
    'GET',
    '/products',
    {},
    { 'items[].sku': 'string', 'items[].priceCents': 'integer', total: 'integer' },
  ),
  call(
    'GET',
    '/products/{sku}',
    {},
    {
      sku: 'string',
      title: 'string',
      priceCents: 'integer',
      currency: 'string',
      image: 'string',
      available: 'integer',
    },
  ),
  call('POST', '/accounts', { email: 'string', name: 'string', password: 'string' }, { email: 'string' }),
  call('POST', '/sessions', { email: 'string', password: 'string' }, { token: 'string', role: 'string' }),
  call('GET', '/account', {}, { email: 'string', name: 'string', role: 'string' }),
  call(
    'GET',
    '/orders',
    {},
    { 'items[].id': 'string', 'items[].status': 'string', 'items[].totalCents': 'integer' },
  ),
  call(
    'POST',
    '/orders',
    { idempotencyKey: 'string', items: 'array' },
    { id: 'string', totalCents: 'integer' },
  ),
  call('GET', '/orders/{id}', {}, { id: 'string', status: 'string', totalCents: 'integer', items: 'array' }),
  call('POST', '/orders/{id}/payment', { idempotencyKey: 'string', card: 'string' }, { status: 'string' }),
  call('POST', '/orders/{id}/cancellation', {}, { status: 'string' }),
  call(
    'GET',
    '/admin/inventory',
    {},
    { 'items[].sku': 'string', 'items[].available': 'integer', 'items[].reserved': 'integer' },
  ),
  call(
    'PUT',
    '/admin/products/{sku}',
    { priceCents: 'integer', onHand: 'integer' },
    { available: 'integer' },
  ),
];

/**
 * The calls of the pages as they are drafted. `alsoReads` adds fields to one call, such as
 * `{ "GET /products/{sku}": { "rating": "number" } }`: how a plan shows what a disagreement looks like.
 */
export function expectedContract(
  alsoReads: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): ExpectedContract {
  return {
    calls: CALLS.map((one) => ({
      ...one,
      reads: { ...one.reads, ...alsoReads[`${one.method} ${one.path}`] },
    })),
  };
}

function call(
  method: string,
  path: string,
  sends: Record<string, string>,
  reads: Record<string, string>,
): ExpectedCall {
  return { method, path, sends, reads };
}

/** The part of OpenAPI 3.1 that the storefront uses. */
export interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly schema: Schema;
}

interface JsonContent {
  readonly content: { readonly 'application/json': { readonly schema: Schema } };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly security?: readonly { readonly bearer: readonly string[] }[];
  readonly 'x-role'?: 'admin';
  readonly requestBody?: JsonContent & { readonly required: true };
  readonly responses: Readonly<Record<string, JsonContent & { readonly description: string }>>;
}

export interface Contract {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Endpoint {
  readonly id: string;
  readonly call: `${'get' | 'post' | 'put'} /${string}`;
  readonly summary: string;
  readonly role?: 'customer' | 'admin';
  readonly query?: readonly string[];
  readonly sends?: Schema;
  readonly status?: 200 | 201;
  readonly answers: Schema;
}

const text: Schema = { type: 'string' };
const whole: Schema = { type: 'integer' };
const cents: Schema = { type: 'integer', minimum: 0, maximum: 100_000_000 };

function object(properties: Record<string, Schema>): Schema {
  return { type: 'object', required: Object.keys(properties), properties };
}

function page(items: Schema): Schema {
  return object({ items: { type: 'array', items }, total: whole });
}

const product = object({
  sku: text,
  productId: text,
  title: text,
  category: text,
  description: text,
  priceCents: cents,
  currency: text,
  image: text,
  available: whole,
});
const line = object({ sku: text, quantity: whole, priceCents: cents });
const status: Schema = { type: 'string', enum: ['pending', 'paid', 'cancelled'] };
const order = object({ id: text, status, totalCents: cents, items: { type: 'array', items: line } });
const account = object({ email: text, name: text, role: { type: 'string', enum: ['customer', 'admin'] } });
const email: Schema = { type: 'string', minLength: 3, maxLength: 254 };
const password: Schema = { type: 'string', minLength: 12, maxLength: 200 };
const key: Schema = { type: 'string', minLength: 8, maxLength: 64 };
const basketLine = object({
  sku: { type: 'string', maxLength: 120 },
  quantity: { type: 'integer', minimum: 1, maximum: 20 },
});

const ENDPOINTS: readonly Endpoint[] = [
  {
    id: 'readHealth',
    call: 'get /health',
    summary: 'Whether the service is up',
    answers: object({ status: text, version: text, currency: text }),
  },
  {
    id: 'listProducts',
    call: 'get /products',
    summary: 'Search and browse',
    query: ['q', 'category', 'limit'],
    answers: page(product),
  },
  { id: 'readProduct', call: 'get /products/{sku}', summary: 'One product', answers: product },
  {
    id: 'register',
    call: 'post /accounts',
    summary: 'Open an account',
    sends: object({ email, name: { type: 'string', minLength: 1, maxLength: 100 }, password }),
    status: 201,
    answers: account,
  },
  {
    id: 'signIn',
    call: 'post /sessions',
    summary: 'Get a bearer token',
    sends: object({ email, password }),
    status: 201,
    answers: object({ token: text, expiresAt: whole, role: text }),
  },
  { id: 'readAccount', call: 'get /account', summary: 'Who am I', role: 'customer', answers: account },
  {
    id: 'listOrders',
    call: 'get /orders',
    summary: 'My orders',
    role: 'customer',
    answers: page(object({ id: text, status, totalCents: cents })),
  },
  {
    id: 'placeOrder',
    call: 'post /orders',
    summary: 'Reserve what is in the basket; the same key gives the same order',
    role: 'customer',
    sends: object({
      idempotencyKey: key,
      items: { type: 'array', minItems: 1, maxItems: 50, items: basketLine },
    }),
    status: 201,
    answers: order,
  },
  {
    id: 'readOrder',
    call: 'get /orders/{id}',
    summary: 'One of my orders',
    role: 'customer',
    answers: order,
  },
  {
    id: 'payOrder',
    call: 'post /orders/{id}/payment',
    summary: 'Charge a card; the same key charges once',
    role: 'customer',
    sends: object({ idempotencyKey: key, card: { type: 'string', minLength: 12, maxLength: 19 } }),
    answers: object({ orderId: text, status, amountCents: cents, reference: text }),
  },
  {
    id: 'cancelOrder',
    call: 'post /orders/{id}/cancellation',
    summary: 'Give the goods back before paying',
    role: 'customer',
    answers: order,
  },
  {
    id: 'readInventory',
    call: 'get /admin/inventory',
    summary: 'The fifty products with the least left',
    role: 'admin',
    answers: page(object({ sku: text, onHand: whole, reserved: whole, available: whole })),
  },
  {
    id: 'updateProduct',
    call: 'put /admin/products/{sku}',
    summary: 'Set the price and the stock',
    role: 'admin',
    sends: object({
      priceCents: { ...cents, minimum: 1 },
      onHand: { type: 'integer', minimum: 0, maximum: 1_000_000 },
    }),
    answers: product,
  },
];

/** The contract that the backend offers: the service's router and the frontend's client are both made from it. */
export function storefrontContract(): Contract {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const endpoint of ENDPOINTS) {
    const [method = '', path = ''] = endpoint.call.split(' ');
    paths[path] = { ...paths[path], [method]: operationOf(endpoint, path) };
  }
  return { openapi: '3.1.0', info: { title: 'Storefront', version: '1.0.0' }, paths };
}

function operationOf(endpoint: Endpoint, path: string): Operation {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => parameter(match[1] ?? '', 'path'));
  const parameters = [...inPath, ...(endpoint.query ?? []).map((name) => parameter(name, 'query'))];
  return {
    operationId: endpoint.id,
    summary: endpoint.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(endpoint.role === undefined ? {} : { security: [{ bearer: [] }] }),
    ...(endpoint.role === 'admin' ? { 'x-role': 'admin' } : {}),
    ...(endpoint.sends === undefined
      ? {}
      : { requestBody: { required: true, ...json({ ...endpoint.sends, additionalProperties: false }) } }),
    responses: {
      [String(endpoint.status ?? 200)]: { description: endpoint.summary, ...json(endpoint.answers) },
    },
  };
}

function parameter(name: string, where: 'path' | 'query'): Parameter {
  return { name, in: where, required: where === 'path', schema: text };
}

function json(schema: Schema): JsonContent {
  return { content: { 'application/json': { schema } } };
}

/** Every operation with where it stands, in the order of the contract. */
export function* operationsOf(
  contract: Contract,
): Generator<{ readonly method: string; readonly path: string; readonly operation: Operation }> {
  for (const [path, methods] of Object.entries(contract.paths)) {
    for (const [method, operation] of Object.entries(methods)) yield { method, path, operation };
  }
}

/** The schema of the successful answer. */
export function answerOf(operation: Operation): Schema {
  const found = Object.entries(operation.responses).find(([code]) => code.startsWith('2'));
  if (found === undefined) throw new Error(`${operation.operationId} has no successful answer`);
  return found[1].content['application/json'].schema;
}

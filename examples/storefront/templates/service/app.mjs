import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createAccounts } from './accounts.mjs';
import { readJson } from './body.mjs';
import { createCache } from './cache.mjs';
import { openDatabase } from './database.mjs';
import { createInventory } from './inventory.mjs';
import { createMetrics } from './metrics.mjs';
import { createOrders } from './orders.mjs';
import { createPayments, fakeProvider } from './payments.mjs';
import { Problem } from './problem.mjs';
import { createProducts } from './products.mjs';
import { createRouter } from './router.mjs';
import { disagreement } from './schema.mjs';
import { createSite } from './site.mjs';

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
};

/** Joins the parts to an HTTP server that is not listening yet. `root` is the folder that holds `service` and `site`. */
export function createApp({ root, databasePath, config }) {
  const read = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'));
  const contract = read('service/contract.json');
  const database = openDatabase({
    path: databasePath,
    seed: join(root, config.seed),
    schema: join(root, 'service/schema.sql'),
  });
  const cache = createCache(read('cache/policy.json'));
  const inventory = createInventory(database);
  const payments = createPayments({ database, provider: fakeProvider(config.providerSecret) });
  const parts = {
    config,
    contract,
    cache,
    inventory,
    metrics: createMetrics(),
    accounts: createAccounts({ database }),
    products: createProducts({ database, cache, currency: config.currency }),
    orders: createOrders({ database, inventory, payments }),
    site: createSite(join(root, 'site')),
  };
  const route = createRouter(contract, handlersOf(parts));
  const server = createServer({ requestTimeout: 10_000, maxHeaderSize: 8_192 }, (request, response) => {
    void answer({ parts, route, request, response });
  });
  server.on('close', () => database.close());
  return server;
}

function handlersOf({ accounts, cache, config, contract, inventory, metrics, orders, products }) {
  return {
    readHealth: () => ({ status: 'ok', version: contract.info.version, currency: config.currency }),
    listProducts: ({ query }) => products.list(query),
    readProduct: ({ parameters }) => products.read(parameters.sku),
    register: ({ body }) => accounts.register(body),
    signIn: ({ body }) => accounts.signIn(body),
    readAccount: ({ account }) => ({ email: account.email, name: account.name, role: account.role }),
    listOrders: ({ account }) => orders.list(account.email),
    placeOrder({ account, body }) {
      try {
        const order = orders.place({ email: account.email, ...body });
        metrics.count('orders_placed_total');
        return order;
      } catch (error) {
        if (error instanceof Problem && error.code === 'OUT_OF_STOCK')
          metrics.count('stock_rejections_total');
        throw error;
      }
    },
    readOrder: ({ account, parameters }) => orders.read(account.email, parameters.id),
    async payOrder({ account, body, parameters }) {
      const paid = await orders.pay({ email: account.email, id: parameters.id, ...body });
      metrics.count('payments_captured_total');
      return paid;
    },
    cancelOrder: ({ account, parameters }) => orders.cancel({ email: account.email, id: parameters.id }),
    readInventory: () => inventory.lowest(50),
    updateProduct({ body, parameters }) {
      products.reprice(parameters.sku, body.priceCents);
      inventory.restock(parameters.sku, body.onHand);
      cache.forget('products:');
      return products.read(parameters.sku);
    },
  };
}

async function answer({ parts, route, request, response }) {
  const begun = performance.now();
  let operationId = 'none';
  try {
    const url = locate(request.url);
    if (url.pathname === '/metrics' && request.method === 'GET') {
      return send(response, 200, 'text/plain; version=0.0.4', parts.metrics.text(gauges(parts)));
    }
    if (url.pathname === '/' || url.pathname.startsWith('/site/')) {
      if (request.method !== 'GET')
        throw new Problem(405, 'METHOD_NOT_ALLOWED', 'pages take GET', { allow: 'GET' });
      const file = parts.site(url.pathname);
      return send(response, 200, file.contentType, file.body);
    }
    const found = route(request.method, url.pathname);
    operationId = found.operation.operationId;
    const { status, value } = await perform(parts, found, request, url);
    sendJson(response, status, value);
  } catch (error) {
    const problem =
      error instanceof Problem ? error : new Problem(500, 'INTERNAL', 'something went wrong on our side');
    if (problem !== error) process.stderr.write(`${error?.stack ?? error}\n`);
    sendJson(
      response,
      problem.status,
      { error: { code: problem.code, message: problem.message } },
      problem.headers,
    );
  } finally {
    parts.metrics.count('http_requests_total', { operation: operationId, status: response.statusCode });
    const elapsedMs = performance.now() - begun;
    parts.metrics.observe('http_request_duration_ms', { operation: operationId }, elapsedMs);
  }
}

/** The request's target as a URL of this service, with `..` resolved and never another host. */
function locate(target) {
  const path = target.replace(/^\/+/, '/');
  if (!path.startsWith('/') || !URL.canParse(path, 'http://storefront')) {
    throw new Problem(400, 'BAD_PATH', 'that is no path');
  }
  return new URL(path, 'http://storefront');
}

async function perform(parts, { operation, handle, parameters }, request, url) {
  const account = parts.accounts.authenticate(request.headers.authorization);
  if (operation.security !== undefined && account === undefined) {
    throw new Problem(401, 'NOT_SIGNED_IN', 'sign in first', { 'www-authenticate': 'Bearer' });
  }
  if (operation['x-role'] === 'admin' && account.role !== 'admin') {
    throw new Problem(403, 'NOT_ALLOWED', 'this is for administrators');
  }
  const body = await readJson(request, parts.config.bodyBytesMax);
  const schema = operation.requestBody?.content['application/json'].schema;
  const wrong = schema === undefined ? undefined : disagreement(schema, body);
  if (wrong !== undefined) throw new Problem(400, 'BAD_REQUEST', wrong);
  const query = Object.fromEntries(url.searchParams);
  const known = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  const unknown = Object.keys(query).find((name) => !known.some((parameter) => parameter.name === name));
  if (unknown !== undefined) throw new Problem(400, 'BAD_REQUEST', `query ${unknown} is not in the contract`);
  const status = Number(Object.keys(operation.responses).find((code) => code.startsWith('2')));
  return { status, value: await handle({ account, body, parameters, query }) };
}

function gauges({ cache }) {
  return {
    cache_hits_total: cache.statistics.hits,
    cache_misses_total: cache.statistics.misses,
    cache_entries: cache.size(),
    process_resident_memory_bytes: process.memoryUsage.rss(),
  };
}

function sendJson(response, status, value, headers = {}) {
  send(response, status, 'application/json', JSON.stringify(value), {
    'cache-control': 'no-store',
    ...headers,
  });
}

function send(response, status, contentType, body, headers = {}) {
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

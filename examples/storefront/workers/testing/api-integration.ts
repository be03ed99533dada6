import { randomUUID } from 'node:crypto';
import type { WorkInput } from '@tutti/actors';
import { contractDigest } from '../backend/api-design.ts';
import { DEMONSTRATION_ADMIN, demonstrationCustomer } from '../backend/authentication.ts';
import { answerOf, type Contract, operationsOf, type Schema } from '../backend/contract.ts';
import { SERVICE_PORT } from '../backend/orders.ts';
import { cardNumber } from '../backend/payments.ts';
import { loadModule } from '../backend/service-modules.ts';
import { loadCatalogue, variants } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { type Answer, type Call, call, refusal, signIn } from '../service-client.ts';
import { type RunningService, withService } from '../service-process.ts';

interface SchemaModule {
  readonly disagreement: (schema: Schema, value: unknown) => string | undefined;
}

type Ask = (operationId: string, path: string, request?: Call) => Promise<Answer>;

/**
 * "API integration tests": calls every operation of the contract on the built service and holds each answer against
 * its schema, then the refusals that the rules of the shop ask for.
 */
export async function testApi(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const contract = await folder.readJson<Contract>('service/contract.json');
  const { disagreement } = await loadModule<SchemaModule>(folder, 'service/schema.mjs');
  const checks = new Checks();
  const called = new Set<string>();
  await withService(input, async (service) => {
    const ask: Ask = async (operationId, path, request = {}) => {
      const found = [...operationsOf(contract)].find(
        ({ operation }) => operation.operationId === operationId,
      );
      if (found === undefined) throw new Error(`the contract has no ${operationId}`);
      const answer = await call(service, input.signal, path, {
        ...request,
        method: found.method.toUpperCase(),
      });
      if (answer.status < 300) {
        called.add(operationId);
        checks.equal(
          `answer of ${operationId}`,
          disagreement(answerOf(found.operation), answer.body),
          undefined,
        );
      }
      return answer;
    };
    const customer = await signIn(service, input.signal, demonstrationCustomer(1));
    const admin = await signIn(service, input.signal, DEMONSTRATION_ADMIN);
    await askEverything(ask, customer, admin, checks);
    await askWrongly(ask, customer, checks);
    await askForTheSame(service, input.signal, customer, checks);
  });
  const all = [...operationsOf(contract)].map(({ operation }) => operation.operationId);
  checks.equal('operations that answered', [...called].toSorted(), all.toSorted());
  const { currency } = await loadCatalogue();
  return {
    report: await folder.writeJson('reports/api-integration.json', {
      operations: all.length,
      checks: checks.passed,
    }),
    operations: all.length,
    checks: checks.passed.length,
    deployment_config: { contractDigest: contractDigest(contract), port: SERVICE_PORT, currency },
  };
}

async function askEverything(ask: Ask, customer: string, admin: string, checks: Checks): Promise<void> {
  const [first, second] = variants(await loadCatalogue());
  const skus = [first?.sku ?? '', second?.sku ?? ''];
  await ask('readHealth', '/health');
  const listed = await ask('listProducts', '/products?category=kitchen&q=ink&limit=5');
  checks.equal('a page has what was asked for', (listed.body as { items: unknown[] }).items.length, 5);
  const before = (await ask('readProduct', `/products/${skus[0]}`)).body as {
    available: number;
    priceCents: number;
  };
  const person = { email: 'new@storefront.example', password: 'a long enough password' };
  await ask('register', '/accounts', { body: { ...person, name: 'New' } });
  await ask('signIn', '/sessions', { body: person });
  const as = { token: customer };
  await ask('readAccount', '/account', as);
  const items = [
    { sku: skus[0], quantity: 2 },
    { sku: skus[1], quantity: 1 },
  ];
  const placed = await ask('placeOrder', '/orders', { ...as, body: { idempotencyKey: randomUUID(), items } });
  const order = placed.body as {
    id: string;
    totalCents: number;
    items: { priceCents: number; quantity: number }[];
  };
  const sum = order.items.reduce((total, line) => total + line.priceCents * line.quantity, 0);
  checks.equal('the total is the sum of the lines', order.totalCents, sum);
  const payment = { idempotencyKey: randomUUID(), card: cardNumber('api') };
  await ask('payOrder', `/orders/${order.id}/payment`, { ...as, body: payment });
  await ask('readOrder', `/orders/${order.id}`, as);
  await ask('listOrders', '/orders', as);
  const after = (await ask('readProduct', `/products/${skus[0]}`)).body as { available: number };
  checks.equal('what was sold is gone', after.available, before.available - 2);
  const second_ = await ask('placeOrder', '/orders', {
    ...as,
    body: { idempotencyKey: randomUUID(), items },
  });
  await ask('cancelOrder', `/orders/${(second_.body as { id: string }).id}/cancellation`, as);
  const back = (await ask('readProduct', `/products/${skus[0]}`)).body as { available: number };
  checks.equal('what was cancelled is back', back.available, after.available);
  await ask('readInventory', '/admin/inventory', { token: admin });
  const change = { priceCents: before.priceCents + 1, onHand: 500 };
  const updated = await ask('updateProduct', `/admin/products/${skus[0]}`, { token: admin, body: change });
  checks.equal(
    'the new price is seen',
    (updated.body as { priceCents: number }).priceCents,
    change.priceCents,
  );
}

async function askWrongly(ask: Ask, token: string, checks: Checks): Promise<void> {
  const order = (items: unknown) => ({ token, body: { idempotencyKey: randomUUID(), items } });
  const expected: [string, string, Answer][] = [
    ['no such product', 'NO_SUCH_PRODUCT', await ask('readProduct', '/products/nothing')],
    ['an empty order', 'BAD_REQUEST', await ask('placeOrder', '/orders', order([]))],
    [
      'a negative quantity',
      'BAD_REQUEST',
      await ask('placeOrder', '/orders', order([{ sku: 'x', quantity: -1 }])),
    ],
    [
      'a price sent along',
      'BAD_REQUEST',
      await ask('placeOrder', '/orders', order([{ sku: 'x', quantity: 1, priceCents: 1 }])),
    ],
    ['a field left out', 'BAD_REQUEST', await ask('signIn', '/sessions', { body: { email: 'a@b.example' } })],
    ['no JSON', 'BAD_JSON', await ask('signIn', '/sessions', { body: '{' })],
    ['a page too large', 'BAD_LIMIT', await ask('listProducts', '/products?limit=1000')],
    ['an unknown order', 'NO_SUCH_ORDER', await ask('readOrder', `/orders/${randomUUID()}`, { token })],
  ];
  for (const [what, code, answer] of expected) checks.equal(what, refusal(answer), code);
}

/** The same request twice is one order and one charge, also when both are on the way at once. */
async function askForTheSame(
  service: RunningService,
  signal: AbortSignal,
  token: string,
  checks: Checks,
): Promise<void> {
  const [, , third] = variants(await loadCatalogue());
  const body = { idempotencyKey: randomUUID(), items: [{ sku: third?.sku, quantity: 1 }] };
  const orders = await Promise.all(
    [1, 2, 3].map(async () => (await call(service, signal, '/orders', { method: 'POST', token, body })).body),
  );
  checks.equal('three times one order', orders, [orders[0], orders[0], orders[0]]);
  const { id } = orders[0] as { id: string };
  const charges = await Promise.all(
    [1, 2].map(async (number) => {
      const payment = { idempotencyKey: `another-${number}`, card: cardNumber('same') };
      return (await call(service, signal, `/orders/${id}/payment`, { method: 'POST', token, body: payment }))
        .status;
    }),
  );
  checks.equal(
    'one of two payments is made',
    charges.toSorted((a, b) => a - b),
    [200, 409],
  );
}

import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { isTuttiError, type Ref, type TuttiNode } from 'tutti';
import { type CartEvent, type CartRefusal, type CartView, cartMachine } from './cart-machine.ts';

interface CustomerRoute {
  readonly Params: { readonly customer: string };
  readonly Headers: { readonly 'idempotency-key'?: string };
}

const customer = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } as const;
const sku = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' } as const;
const headers = {
  type: 'object',
  properties: { 'idempotency-key': { type: 'string', minLength: 8, maxLength: 64 } },
} as const;
const params = { type: 'object', required: ['customer'], properties: { customer } } as const;
const line = {
  type: 'object',
  required: ['sku', 'quantity'],
  additionalProperties: false,
  properties: { sku, quantity: { type: 'integer', minimum: 1, maximum: 20 } },
} as const;

/** Errors after which the same request may succeed a moment later. */
const PASSING = new Set(['TUTTI_ASK_TIMEOUT', 'TUTTI_NO_LEADER', 'TUTTI_OUTCOME_UNKNOWN', 'TUTTI_STOPPED']);

/**
 * The routes of a service with one cart for each customer. Call it before the node starts, since it declares the
 * kind of entity that the carts are; the node may be one of a cluster, and then each cart lives on one of its nodes.
 */
export function buildService(node: Pick<TuttiNode, 'entity'>): FastifyInstance {
  const carts = node.entity('cart', cartMachine, { passivateAfterMs: 10 * 60_000 });
  const service = Fastify({ bodyLimit: 16_384 });

  service.get<CustomerRoute>('/carts/:customer', { schema: { params } }, (request) => {
    return askCart(carts.ref(request.params.customer), { type: 'read' });
  });

  service.post<CustomerRoute & { Body: { sku: string; quantity: number } }>(
    '/carts/:customer/lines',
    { schema: { params, headers, body: line } },
    (request) => {
      const event: CartEvent = { type: 'add', key: keyOf(request.headers), ...request.body };
      return askCart(carts.ref(request.params.customer), event);
    },
  );

  service.delete<{ Params: { customer: string; sku: string }; Headers: CustomerRoute['Headers'] }>(
    '/carts/:customer/lines/:sku',
    { schema: { params: { ...params, properties: { customer, sku } }, headers } },
    (request) => {
      const event: CartEvent = { type: 'remove', key: keyOf(request.headers), sku: request.params.sku };
      return askCart(carts.ref(request.params.customer), event);
    },
  );

  service.post<CustomerRoute>('/carts/:customer/order', { schema: { params, headers } }, (request) => {
    const event: CartEvent = { type: 'order', key: keyOf(request.headers) };
    return askCart(carts.ref(request.params.customer), event);
  });

  service.setErrorHandler(async (error: Error & { statusCode?: number; code?: string }, _, answer) => {
    const passing = isTuttiError(error) && PASSING.has(error.code);
    if (passing) answer.header('retry-after', '1');
    const status = passing ? 503 : (error.statusCode ?? 500);
    return await answer
      .code(status)
      .send({ error: { code: error.code ?? 'INTERNAL', message: error.message } });
  });
  return service;
}

/** A refusal of the cart, as an answer of the service. */
class Refused extends Error {
  readonly statusCode = 409;
  readonly code: string;

  constructor(code: string) {
    super(`the cart refused: ${code}`);
    this.name = 'Refused';
    this.code = code;
  }
}

async function askCart(cart: Ref<CartEvent>, event: CartEvent): Promise<CartView> {
  const answer = await cart.ask<CartView | CartRefusal>(event, { timeoutMs: 5_000 });
  if ('refused' in answer) throw new Refused(answer.refused);
  return answer;
}

/** A client that sends a key may repeat its request; without one, each request is another. */
function keyOf(headers: { readonly 'idempotency-key'?: string }): string {
  return headers['idempotency-key'] ?? randomUUID();
}

import { expect, test } from 'vitest';
import { detectApiContractConflicts } from './api-contract.ts';
import type { ConflictSide } from './conflict.ts';

const json = (schema: object) => ({ content: { 'application/json': { schema } } });

const api = {
  openapi: '3.1.0',
  paths: {
    '/cart': {
      post: {
        requestBody: json({
          type: 'object',
          required: ['sku', 'quantity'],
          properties: {
            sku: { type: 'string' },
            quantity: { type: 'integer' },
            note: { type: ['string', 'null'] },
          },
          additionalProperties: false,
        }),
        responses: { 201: json({ $ref: '#/components/schemas/Cart' }), 400: json({ type: 'object' }) },
      },
    },
    '/cart/{id}': {
      get: {
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'currency', in: 'query', required: true, schema: { type: 'string' } },
        ],
        responses: { 200: json({ $ref: '#/components/schemas/Cart' }) },
      },
    },
    '/cart/count': {
      get: { responses: { 200: json({ type: 'object', properties: { count: { type: 'integer' } } }) } },
    },
  },
  components: {
    schemas: {
      Cart: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          total: { type: 'number' },
          items: { type: 'array', items: { $ref: '#/components/schemas/Item' } },
        },
      },
      Item: { type: 'object', properties: { sku: { type: 'string' }, quantity: { type: 'integer' } } },
    },
  },
};

const backend: ConflictSide = { orchestrator: 'backend', task: 'api-design', value: { contract: api } };
const frontend = (...calls: unknown[]): ConflictSide => ({
  orchestrator: 'frontend',
  task: 'cart-ui',
  value: { contract: { calls } },
});
const told = (...calls: object[]) =>
  detectApiContractConflicts([frontend(...calls), backend]).map((item) => item.explanation);

test('calls that the API answers as expected are no conflict', () => {
  expect(
    told(
      {
        method: 'post',
        path: '/cart',
        sends: { sku: 'string', quantity: 'integer' },
        reads: { id: 'string', total: 'number', 'items[].sku': 'string', 'items[].quantity': 'number' },
      },
      { method: 'GET', path: '/cart/:id', sends: { currency: 'string' }, reads: { items: 'array' } },
      { method: 'GET', path: '/cart/42?currency=EUR', sends: { currency: 'string' }, reads: {} },
      { method: 'GET', path: '/cart/count', sends: {}, reads: { count: 'integer' } },
    ),
  ).toEqual([]);
});

test('a missing path and a missing method are told with what there is instead', () => {
  expect(told({ method: 'GET', path: '/basket' }, { method: 'DELETE', path: '/cart/{id}' })).toEqual([
    'frontend calls GET /basket, backend has no such path',
    'frontend calls DELETE /cart/{id}, backend has only GET there',
  ]);
});

test('required fields that are not sent, wrong types and strange fields are told', () => {
  expect(
    told(
      { method: 'POST', path: '/cart', sends: { sku: 'number', coupon: 'string' } },
      { method: 'GET', path: '/cart/{id}', sends: {} },
    ),
  ).toEqual([
    'frontend does not send "quantity" in POST /cart, backend requires it',
    'frontend sends "sku" as number in POST /cart, backend takes string',
    'frontend sends "coupon" in POST /cart, backend takes no such field',
    'frontend does not send "currency" in GET /cart/{id}, backend requires it',
  ]);
});

test('a number is not taken where an integer is asked for, but an integer is where a number is', () => {
  expect(told({ method: 'POST', path: '/cart', sends: { sku: 'string', quantity: 'number' } })).toEqual([
    'frontend sends "quantity" as number in POST /cart, backend takes integer',
  ]);
  expect(told({ method: 'GET', path: '/cart/count', reads: { count: 'number' } })).toEqual([]);
});

test('fields that are read and not returned, or returned with another type, are told, also deep inside', () => {
  const call = { method: 'GET', path: '/cart/{id}', sends: { currency: 'string' } };
  expect(told({ ...call, reads: { total: 'string', 'items[].price': 'number', owner: 'object' } })).toEqual([
    'frontend reads "total" as string in GET /cart/{id}, backend returns number',
    'frontend reads "items[].price" in GET /cart/{id}, backend does not return it',
    'frontend reads "owner" in GET /cart/{id}, backend does not return it',
  ]);
});

test('a conflict names both sides with their tasks and what each has', () => {
  const [conflict] = detectApiContractConflicts([
    backend,
    frontend({ method: 'GET', path: '/cart/count', reads: { count: 'string' } }),
  ]);
  expect(conflict).toMatchObject({
    check: 'api-contract',
    subject: 'GET /cart/count',
    sides: [
      { orchestrator: 'frontend', task: 'cart-ui', value: { count: 'string' } },
      { orchestrator: 'backend', task: 'api-design', value: { type: 'integer' } },
    ],
  });
});

test('what has no contract is left alone, and a contract that nobody meets is a conflict', () => {
  const other: ConflictSide = { orchestrator: 'backend', task: 'db', value: { file: 'schema.sql' } };
  expect(detectApiContractConflicts([other, { ...other, orchestrator: 'frontend' }])).toEqual([]);
  expect(detectApiContractConflicts([frontend({ method: 'GET', path: '/cart' }), other])).toHaveLength(1);
  expect(detectApiContractConflicts([frontend(42), backend])).toHaveLength(1);
});

test('a schema that refers to itself ends as a field that is not there', () => {
  const looped = {
    paths: { '/a': { get: { responses: { 200: json({ $ref: '#/components/schemas/A' }) } } } },
    components: { schemas: { A: { $ref: '#/components/schemas/A' } } },
  };
  const provider = { ...backend, value: { contract: looped } };
  const conflicts = detectApiContractConflicts([
    frontend({ method: 'GET', path: '/a', reads: { x: 'string' } }),
    provider,
  ]);
  expect(conflicts.map(({ explanation }) => explanation)).toEqual([
    'frontend reads "x" in GET /a, backend does not return it',
  ]);
});

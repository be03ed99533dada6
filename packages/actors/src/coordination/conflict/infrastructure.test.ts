import { expect, test } from 'vitest';
import type { ConflictSide } from './conflict.ts';
import { detectInfrastructureConflicts } from './infrastructure.ts';

const needs = (services: object): ConflictSide => ({
  orchestrator: 'backend',
  task: 'orders',
  value: { infrastructure_needs: services },
});
const provides = (services: object): ConflictSide => ({
  orchestrator: 'devops',
  task: 'database',
  value: { infrastructure_provisions: services },
});
const subjects = (needed: object, provided: object) =>
  detectInfrastructureConflicts([needs(needed), provides(provided)]).map(({ subject }) => subject);

const postgres = {
  version: '16.2',
  port: 5432,
  memoryMb: 1024,
  extensions: ['pgcrypto', 'postgis'],
  tls: true,
};

test('needs that are met, exactly or with room to spare, are no conflict', () => {
  const need = { version: '>=15', port: 5432, memoryMb: 512, extensions: ['pgcrypto'], tls: true };
  expect(subjects({ postgres: need }, { postgres, redis: { port: 6379 } })).toEqual([]);
});

test.each([
  ['16', true],
  ['16.2', true],
  ['>=16.2', true],
  ['>=9', true],
  ['16.3', false],
  ['>=16.10', false],
  ['15', false],
  ['latest', false],
] as const)('version %s is met by 16.2: %s', (version, isMet) => {
  expect(subjects({ postgres: { version } }, { postgres }).length === 0).toBe(isMet);
});

test('a missing service, a missing field, a smaller size, another port and a missing member are each told', () => {
  const need = {
    port: 5433,
    memoryMb: 2048,
    extensions: ['pgcrypto', 'timescaledb'],
    connections: 50,
    tls: false,
  };
  expect(subjects({ kafka: {}, postgres: need }, { postgres })).toEqual([
    'kafka',
    'postgres.port',
    'postgres.memoryMb',
    'postgres.extensions',
    'postgres.connections',
    'postgres.tls',
  ]);
});

test('a conflict names both sides and what each has', () => {
  const [conflict] = detectInfrastructureConflicts([
    provides({ postgres }),
    needs({ postgres: { memoryMb: 2048 } }),
  ]);
  expect(conflict?.sides).toEqual([
    { orchestrator: 'backend', task: 'orders', value: 2048 },
    { orchestrator: 'devops', task: 'database', value: 1024 },
  ]);
  expect(conflict?.explanation).toBe('backend needs memoryMb 2048 of postgres, devops provisions 1024');
});

test('needs against nobody who provisions are told, needs without any other side are not', () => {
  const bystander: ConflictSide = { orchestrator: 'devops', task: 'pipeline', value: 'done' };
  expect(detectInfrastructureConflicts([needs({ redis: {} }), bystander])).toHaveLength(1);
  expect(detectInfrastructureConflicts([needs({ redis: {} })])).toEqual([]);
});

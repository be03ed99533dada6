import { expect, test } from 'vitest';
import { detectDeploymentConflicts } from './deployment.ts';

const side = (orchestrator: string, part: string, config: object) => ({
  orchestrator,
  task: `${orchestrator}-deploy`,
  value: { [part]: config },
});

test('sides that agree, or name different keys, are no conflict', () => {
  expect(
    detectDeploymentConflicts([
      side('frontend', 'deployment_config', { region: 'eu', cache: { ttlSeconds: 60 }, cdn: true }),
      side('backend', 'deployment_config', { region: 'eu', cache: { ttlSeconds: 60, size: 4 } }),
      side('devops', 'deployment_strategy', { kind: 'rolling', zones: ['a', 'b'] }),
    ]),
  ).toEqual([]);
});

test('each side that differs from the first that named a key is told, nested keys by their path', () => {
  const conflicts = detectDeploymentConflicts([
    side('frontend', 'deployment_config', { cache: { ttlSeconds: 60 }, zones: ['a'] }),
    side('backend', 'deployment_config', { cache: { ttlSeconds: 30 } }),
    side('devops', 'deployment_strategy', { cache: { ttlSeconds: 60 }, zones: ['a', 'b'] }),
  ]);
  expect(conflicts.map(({ subject }) => subject)).toEqual(['cache.ttlSeconds', 'zones']);
  expect(conflicts[0]).toMatchObject({
    check: 'deployment',
    sides: [
      { orchestrator: 'frontend', task: 'frontend-deploy', value: 60 },
      { orchestrator: 'backend', task: 'backend-deploy', value: 30 },
    ],
    explanation: 'frontend sets cache.ttlSeconds to 60, backend to 30',
  });
});

test('an object where another side has a plain value is not compared key by key', () => {
  const conflicts = detectDeploymentConflicts([
    side('frontend', 'deployment_config', { replicas: 3 }),
    side('backend', 'deployment_config', { replicas: 3, image: 'a' }),
    { orchestrator: 'devops', task: 'd', value: null },
  ]);
  expect(conflicts).toEqual([]);
});

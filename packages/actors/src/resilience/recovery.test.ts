import { nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { chooseRecovery, type FailureImpact, type ImpactedTask } from './recovery.ts';

const held = (count: number, fields: Partial<ImpactedTask> = {}): ImpactedTask[] =>
  Array.from({ length: count }, (_, at) => ({
    session: 's',
    task: `t${at}`,
    orchestrator: 'backend',
    optional: false,
    ...fields,
  }));

const peer = (name: string, free: Record<string, number>) => ({ node: nodeId(name), free });

const lost = (fields: Partial<FailureImpact>): FailureImpact => ({
  failed: 'node',
  who: 'n1',
  held: held(2),
  peers: [],
  ...fields,
});

test.each([
  ['an orchestrator that crashed is started again', lost({ failed: 'orchestrator' }), 'restart', undefined],
  [
    'one that crashed too often has its tasks moved',
    lost({ failed: 'orchestrator', restartsExhausted: true, peers: [peer('n2', { backend: 2 })] }),
    'failover',
    'n2',
  ],
  ['a node that held nothing needs nothing moved', lost({ held: [] }), 'failover', undefined],
  ['one peer with room for all takes over', lost({ peers: [peer('n2', { backend: 2 })] }), 'failover', 'n2'],
  [
    'of several with room, the one with most takes over',
    lost({ peers: [peer('n2', { backend: 2 }), peer('n3', { backend: 4 }), peer('n4', { backend: 3 })] }),
    'failover',
    'n3',
  ],
  [
    'two peers with room only together share the tasks',
    lost({ peers: [peer('n2', { backend: 1 }), peer('n3', { backend: 1 })] }),
    'redistribute',
    undefined,
  ],
  [
    'many tasks are spread, even where one node had room for all',
    lost({ held: held(17), peers: [peer('n2', { backend: 50 }), peer('n3', { backend: 1 })] }),
    'redistribute',
    undefined,
  ],
  [
    'peers that are full let the tasks wait',
    lost({ peers: [peer('n2', { backend: 0 })] }),
    'redistribute',
    undefined,
  ],
  [
    'a peer without the orchestrator is no peer',
    lost({ peers: [peer('n2', { frontend: 9 })] }),
    'degrade',
    undefined,
  ],
  ['with no peer at all the session degrades', lost({}), 'degrade', undefined],
] as const)('%s', (_, impact, move, to) => {
  const recovery = chooseRecovery(impact);
  expect(recovery.move).toBe(move);
  expect(recovery.to).toBe(to);
  expect(recovery.why).not.toBe('');
  expect(recovery.escalate !== undefined).toBe(move === 'degrade');
});

test('degrading gives up the optional tasks of orchestrators that are nowhere left, and no others', () => {
  const tasks = [
    ...held(1, { task: 'must' }),
    ...held(1, { task: 'may', optional: true }),
    ...held(1, { task: 'elsewhere', orchestrator: 'frontend', optional: true }),
  ];
  const recovery = chooseRecovery(lost({ held: tasks, peers: [peer('n2', { frontend: 3 })] }));
  expect(recovery.move).toBe('degrade');
  expect(recovery.giveUp.map(({ task }) => task)).toEqual(['may']);
  expect(recovery.escalate).toContain('Start a node that runs backend: 1 tasks wait');
});

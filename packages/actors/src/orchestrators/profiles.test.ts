import { expect, test } from 'vitest';
import { backendProfile, checkProfile, masterProfile, PROFILES, profileOf } from './profiles.ts';

test('there are four profiles, with five, five, four and four tasks at once', () => {
  expect(
    PROFILES.map(({ specialization, capabilities }) => [
      specialization.domain,
      capabilities.max_concurrent_tasks,
    ]),
  ).toEqual([
    ['frontend', 5],
    ['backend', 5],
    ['devops', 4],
    ['testing', 4],
  ]);
  expect(PROFILES.slice(0, 3).flatMap(({ droids }) => droids)).toHaveLength(13);
  expect(Object.values(masterProfile.capabilities)).toEqual([true, true, true, true]);
});

test('a profile is found by its domain or its id', () => {
  expect(profileOf('backend')).toBe(backendProfile);
  expect(profileOf('backend-orchestrator')).toBe(backendProfile);
  expect(profileOf('back')).toBeUndefined();
});

test('every profile that comes with Tutti passes its own check', () => {
  for (const profile of PROFILES) expect(checkProfile(structuredClone(profile))).toEqual(profile);
});

const { capabilities, specialization } = backendProfile;
test.each([
  ['id', { id: '' }],
  ['role', { role: 'master' }],
  ['specialization.domain', { specialization: { ...specialization, domain: 7 } }],
  ['specialization.platforms', { specialization: { ...specialization, platforms: 'AWS' } }],
  ['capabilities.max_concurrent_tasks', { capabilities: { ...capabilities, max_concurrent_tasks: 0 } }],
  ['capabilities.max_concurrent_tasks', { capabilities: { ...capabilities, max_concurrent_tasks: 1_001 } }],
  ['capabilities.complexity_level', { capabilities: { ...capabilities, complexity_level: 'hard' } }],
  ['capabilities.domain_expertise', { capabilities: undefined }],
  ['droids', { droids: [1] }],
])('a profile with a wrong %s is refused by that name', (field, change) => {
  expect(() => checkProfile({ ...backendProfile, ...change })).toThrow(field);
});

test('what is not a profile at all is refused too', () => {
  for (const value of [null, 'backend', []]) expect(() => checkProfile(value)).toThrow('id of the profile');
});

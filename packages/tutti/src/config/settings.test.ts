import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTuttiError } from '@tutti/kernel';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSettings, SETTINGS, variableOf } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(text: string): string {
  const file = join(folder, 'tutti.config.yaml');
  writeFileSync(file, text);
  return file;
}

const code = (wanted: Parameters<typeof isTuttiError>[1]) =>
  expect.toSatisfy((thrown: unknown) => isTuttiError(thrown, wanted));

describe('settings', () => {
  it('take the strongest layer and name everything that it shadows', () => {
    const file = fileWith('raft:\n  heartbeat: 70\n  electionTimeout: 2s\n');
    const { values, resolved } = loadSettings(
      { 'raft.heartbeat': '90' },
      { TUTTI_RAFT_HEARTBEAT: '80ms', TUTTI_CLUSTER_NODES: '5' },
      file,
    );
    expect(values['raft.electionTimeout']).toBe(2000);
    expect(values['cluster.nodes']).toBe(5);
    const heartbeat = resolved.get('raft.heartbeat')!;
    expect(heartbeat.shadowed.map(({ source, value }) => [source, value])).toEqual([
      ['variable TUTTI_RAFT_HEARTBEAT', 80],
      [`${file}:2`, 70],
      ['built in', 50],
    ]);
  });

  it('are written as variables in capitals, words apart', () => {
    expect(variableOf('raft.electionTimeout')).toBe('TUTTI_RAFT_ELECTION_TIMEOUT');
  });

  it('refuse a key that is not known, naming the line', () => {
    const file = fileWith('raft:\n  heartbeat: 50\n  hartbeat: 70\n');
    expect(() => loadSettings({}, {}, file)).toThrow(code('TUTTI_CONFIG_UNKNOWN_KEY'));
    expect(() => loadSettings({}, {}, file)).toThrow(`${file}:3`);
  });

  it('refuse what stands outside of a group, instead of passing over it', () => {
    const file = fileWith('nodes: 5\n');
    expect(() => loadSettings({}, {}, file)).toThrow(code('TUTTI_CONFIG_UNKNOWN_KEY'));
    expect(() => loadSettings({}, {}, file)).toThrow(`${file}:1 sets "nodes"`);
    expect(() => loadSettings({}, {}, fileWith('- nodes\n'))).toThrow(code('TUTTI_CONFIG_UNREADABLE'));
    expect(loadSettings({}, {}, fileWith('cluster:\n')).values['cluster.nodes']).toBe(3);
  });

  it('refuse a value that its key cannot have, naming the source', () => {
    expect(() => loadSettings({}, { TUTTI_CLUSTER_NODES: '9' })).toThrow(code('TUTTI_CONFIG_INVALID'));
    expect(() => loadSettings({}, { TUTTI_CLUSTER_NODES: '9' })).toThrow('TUTTI_CLUSTER_NODES');
  });

  it('refuse a file that was named and is not there', () => {
    expect(() => loadSettings({}, {}, '/nowhere/tutti.yaml')).toThrow(code('TUTTI_CONFIG_UNREADABLE'));
  });

  it('have a fallback that their own schema accepts', () => {
    for (const [key, setting] of Object.entries(SETTINGS))
      expect(setting.schema.safeParse(setting.fallback).success, key).toBe(true);
  });
});

import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { peerVersions } from './versions.ts';

/** Where and on what a run was made. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  /** Of the peers that are installed. */
  readonly versions: Readonly<Record<string, string>>;
  /** The commit, with `+` if files differ from it. */
  readonly commit: string;
  /** One, five and fifteen minutes, before the first sample: what else the machine was doing. */
  readonly loadBefore: readonly number[];
}

export function describeMachine(root: string): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
    v8: process.versions.v8,
    versions: peerVersions(),
    commit: commitOf(root),
    loadBefore: loadavg(),
  };
}

function commitOf(root: string): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '+' : '');
  } catch {
    return 'unknown';
  }
}

/** Whether so much else ran before the first sample that absolute figures would be of that as well. */
export function isBusy({ cores, loadBefore }: Pick<Machine, 'cores' | 'loadBefore'>): boolean {
  return (loadBefore[0] ?? 0) > cores / 2;
}

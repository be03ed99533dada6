import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { benchDisk } from './bench-disk.ts';
import { peerVersions } from './versions.ts';

/** Where and on what a run was made. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  /** The kind of file system that logs are written to; results of before November 2026 do not say. */
  readonly disk?: string;
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
    disk: fileSystemOf(benchDisk()),
    versions: peerVersions(),
    commit: commitOf(root),
    loadBefore: loadavg(),
  };
}

/** By the number that statfs(2) knows it by. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0x794c7630: 'overlayfs',
  0x01021994: 'tmpfs, which is memory',
};

function fileSystemOf(folder: string): string {
  const { type: number } = statfsSync(folder);
  return FILE_SYSTEMS[number] ?? `file system 0x${number.toString(16)}`;
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

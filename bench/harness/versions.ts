import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { erlangPaths, programPath } from './requirements.ts';

/** How each program is asked for its version, and where in the answer it is. */
const PROGRAMS: Readonly<Record<string, { readonly args: readonly string[]; readonly find: RegExp }>> = {
  etcd: { args: ['--version'], find: /Version: (\S+)/ },
  'redis-server': { args: ['--version'], find: /v=(\S+)/ },
  erl: {
    args: ['-noshell', '-eval', 'io:put_chars(erlang:system_info(otp_release)),halt().'],
    find: /(\d+)/,
  },
};

/** The versions of what is measured beside ours: the bench's own dependencies, and programs that are on PATH. */
export function peerVersions(): Record<string, string> {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const modules = Object.entries(manifest.devDependencies).filter(
    ([, version]) => !version.startsWith('workspace:'),
  );
  const programs = Object.entries(PROGRAMS).flatMap(([program, { args, find }]) => {
    const path = programPath(program);
    return path === undefined ? [] : [[program, versionOf(path, args, find)] as const];
  });
  const ra = erlangPaths('ra').map((path) => ['ra', basename(dirname(path)).slice('ra-'.length)] as const);
  return Object.fromEntries([...modules, ...programs, ...ra]);
}

function versionOf(path: string, args: readonly string[], find: RegExp): string {
  try {
    return find.exec(execFileSync(path, [...args], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

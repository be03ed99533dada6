// `npm run check`: everything that can be judged by reading the code. `npm run fix` rewrites what it can first.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const fix = process.argv.includes('--fix');

interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

const steps: readonly Step[] = [
  ...(fix ? [{ name: 'error page', command: ['node', 'scripts/errors-page.ts', '--write'] }] : []),
  { name: 'format', command: ['biome', 'check', '--error-on-warnings', ...(fix ? ['--write'] : []), '.'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings', ...(fix ? ['--fix'] : [])] },
  { name: 'types', command: ['tsc', '--project', 'tsconfig.json'] },
  { name: 'architecture', command: ['vitest', 'run', '--project', 'architecture', '--reporter=dot'] },
];

let failed = false;
for (const step of steps) {
  const [command, ...args] = step.command as [string, ...string[]];
  const startedAt = performance.now();
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  const ok = result.status === 0;
  failed ||= !ok;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stderr.write(`${ok ? 'ok  ' : 'FAIL'} ${step.name} (${seconds} s)\n`);
}
process.exit(failed ? 1 : 0);

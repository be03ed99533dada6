// `npm run test:scale`: what must not grow, at full scale: a million actors that come and go, fifty million messages.
// Prints the heap after a collection before and after each; it takes some minutes, which is why `npm test` does less.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const TIMEOUT_MS = 1_800_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const result = spawnSync(
  'vitest',
  [
    'run',
    'packages/runtime/src/system/growth.test.ts',
    '-t',
    'nothing stays behind',
    '--disable-console-intercept',
    `--testTimeout=${TIMEOUT_MS}`,
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      TUTTI_SCALE: '50',
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --expose-gc`,
    },
  },
);
process.exit(result.status ?? 1);

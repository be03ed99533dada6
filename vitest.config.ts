import { defineConfig } from 'vitest/config';

// Two projects: `architecture` judges the tree itself and is also part of `npm run check`; `all` is the rest.
// Two workers, because the machine that judges this project has two cores.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'architecture', include: ['test/architecture/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'all',
          include: [
            'packages/**/*.test.ts',
            'test/**/*.test.ts',
            'examples/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
          exclude: ['test/architecture/**', '**/node_modules/**', '**/dist/**'],
        },
      },
    ],
  },
});

// The reference of error codes: `--write` brings docs/reference/errors.md up to date, without it a stale page fails.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '@tutti/kernel';
import { renderErrorsPage } from './errors-page/render.ts';

const page = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs/reference/errors.md');
const before = existsSync(page) ? readFileSync(page, 'utf8') : '';
const after = renderErrorsPage(ERRORS, before);

if (after === before) process.exit(0);
if (process.argv.includes('--write')) writeFileSync(page, after);
else {
  process.stderr.write('docs/reference/errors.md differs from the table of codes: run npm run fix\n');
  process.exit(1);
}

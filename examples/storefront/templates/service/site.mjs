import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { Problem } from './problem.mjs';

const CONTENT_TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

/**
 * Serves the files that were in `folder` at the start, from memory, by exact name. No path of a request is ever
 * joined to a folder, so there is nothing to climb out of. Without the folder there is an API and no pages.
 */
export function createSite(folder) {
  const files = new Map();
  const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
  for (const entry of entries) {
    const contentType = CONTENT_TYPES[extname(entry.name)];
    if (!entry.isFile() || contentType === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(`/site/${relative(folder, path).split(sep).join('/')}`, {
      contentType,
      body: readFileSync(path),
    });
  }
  return (pathname) => {
    const file = files.get(pathname === '/' || pathname === '/site/' ? '/site/index.html' : pathname);
    if (file === undefined) throw new Problem(404, 'NOT_FOUND', 'no such page');
    return file;
  };
}

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { WorkInput } from '@tutti/actors';

/**
 * The session's folder as one attempt sees it. Several attempts of one task may write at once, in several processes,
 * and any of them may be killed at any instant: so a file is written under a name of its own and then renamed, which
 * makes it appear whole or not at all, and the last of two equal writers changes nothing.
 */
export class OutputFolder {
  readonly #input: WorkInput;
  #count = 0;

  constructor(input: WorkInput) {
    this.#input = input;
  }

  path(name: string): string {
    return join(this.#input.folder, name);
  }

  /** Writes a file whole. Returns `name`, to be named in the task's result. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    return await this.build(name, (path) => writeFile(path, content));
  }

  async writeJson(name: string, value: unknown): Promise<string> {
    return await this.write(name, `${JSON.stringify(value, null, 2)}\n`);
  }

  /** Lets `body` make a file at a private path and then gives it its name; nothing stays behind if `body` fails. */
  async build(name: string, body: (path: string) => Promise<void>): Promise<string> {
    const { task, node, fence, signal } = this.#input;
    const partial = this.path(`.partial/${task}-${node}-${fence}-${process.pid}-${++this.#count}`);
    await mkdir(dirname(partial), { recursive: true });
    try {
      await body(partial);
      signal.throwIfAborted();
      await mkdir(dirname(this.path(name)), { recursive: true });
      await rename(partial, this.path(name));
    } finally {
      await rm(partial, { force: true });
    }
    return name;
  }

  /**
   * Removes what killed attempts of other tasks left half written. For the last task of a plan: an attempt that still
   * runs elsewhere has lost its fence, and fails where it would have been refused.
   */
  async removeAbandoned(): Promise<void> {
    for (const name of await readdir(this.path('.partial'))) {
      if (!name.startsWith(`${this.#input.task}-`)) await rm(this.path(`.partial/${name}`), { force: true });
    }
  }

  async read(name: string): Promise<string> {
    return await readFile(this.path(name), 'utf8');
  }

  async readJson<T>(name: string): Promise<T> {
    return JSON.parse(await this.read(name)) as T;
  }

  /** Copies files of `templates/` as they are. Returns their names in the folder. */
  async copyTemplates(names: readonly string[]): Promise<string[]> {
    const templates = join(import.meta.dirname, '..', 'templates');
    return await Promise.all(
      names.map(async (name) => await this.write(name, await readFile(join(templates, name)))),
    );
  }
}

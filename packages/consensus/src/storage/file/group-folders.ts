import { join } from 'node:path';
import type { DiskCalls } from './disk-calls.ts';
import { syncDirectory } from './meta-file.ts';

/** The name of a group with a letter in upper case. */
const OLD = /^(?=.*[A-Z])[a-zA-Z0-9]/;

/**
 * Where the snapshots of each group are kept. Two groups may be called alike but for upper and lower case, and a file
 * system that does not tell these apart would give them one folder: a letter in upper case is `+` and the one in lower
 * case there. No name of a group has a `+`.
 */
export class GroupFolders {
  readonly #disk: DiskCalls;
  readonly #directory: string;
  #isSettled = false;

  constructor(disk: DiskCalls, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  of(group: string): string {
    return join(this.#directory, folderName(group));
  }

  /** Gives folders that earlier versions made the names that they have now, all of them: one may stand for two. */
  settle(): void {
    if (this.#isSettled) return;
    const names = this.#disk.existsSync(this.#directory) ? this.#disk.readdirSync(this.#directory) : [];
    const known = new Set(names);
    const old = names.filter((name) => OLD.test(name) && !known.has(folderName(name)));
    for (const name of old) this.#disk.renameSync(join(this.#directory, name), this.of(name));
    if (old.length > 0) syncDirectory(this.#disk, this.#directory);
    this.#isSettled = true;
  }
}

const folderName = (group: string): string =>
  group.replaceAll(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`);

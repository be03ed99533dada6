/**
 * The durable log on a local disk.
 *
 * @module
 */
export type { LogStore } from '../log-store.ts';
export { type BackupAbout, BackupFile, backupBytes } from './backup-file.ts';
export { checkedJson, parseCheckedJson } from './checked-json.ts';
export { DirectoryLock } from './directory-lock.ts';
export { isFull } from './disk-calls.ts';
export { createFileGroupLog, type FileGroupLogOptions } from './file-group-log.ts';
export { createFileLogStore, FileLogStore, type FileLogStoreOptions } from './file-log-store.ts';
export type { LogBeginning } from './log-beginning.ts';
export { makeDirectory, makePrivateDirectory } from './make-directory.ts';

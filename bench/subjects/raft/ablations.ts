// Ours with one feature off, from outside: the product has no switch that would only ever make it slower.
import { fdatasync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { LogStore } from '@tutti/consensus';
import { CHANNEL, type Transport } from '@tutti/kernel';

/** `flush-per-entry`: no group commit. `disk-first`: entries leave when the leader's own disk has them. `one-lane`: control waits behind bulk. */
export type RaftAblation = 'flush-per-entry' | 'disk-first' | 'one-lane';

const ENTRY_BYTES = 256;

/** Takes the feature out of a store and a transport that nobody uses yet. */
export function ablate(
  ablation: RaftAblation,
  store: LogStore,
  transport: Transport,
  directory: string,
): void {
  if (ablation === 'flush-per-entry') withoutGroupCommit(store, directory);
  else if (ablation === 'disk-first') withoutParallelDisk(store, transport);
  else withoutLanes(transport);
}

/**
 * A flush for each entry. The store merges what waits, so the flushes that it saves are made up for, one by one, on a
 * file of their own beside the log, before a write is called done.
 */
function withoutGroupCommit(store: LogStore, directory: string): void {
  mkdirSync(directory, { recursive: true });
  const file = openSync(join(directory, 'flushes'), 'w');
  const entry = Buffer.alloc(ENTRY_BYTES);
  const flush = (left: number, done: (failure: Error | undefined) => void): void => {
    if (left <= 0) return done(undefined);
    writeSync(file, entry, 0, ENTRY_BYTES, 0);
    fdatasync(file, (failure) => (failure ? done(failure) : flush(left - 1, done)));
  };
  const append = store.append.bind(store);
  store.append = (write, done) =>
    append(write, (failure) => (failure ? done(failure) : flush(write.entries.length - 1, done)));
}

/**
 * Entries are sent before they are handed to the own disk, in the same turn. Here what is sent in bulk is kept until
 * the next write that begins has ended, or until the turn is over and the disk has nothing to do.
 */
function withoutParallelDisk(store: LogStore, transport: Transport): void {
  const held: { readonly afterWrite: number; send(): void }[] = [];
  let [begun, ended] = [0, 0];
  const release = (): void => {
    const upTo = begun === ended ? Infinity : ended;
    while (held.length > 0 && held[0]!.afterWrite <= upTo) held.shift()!.send();
  };
  const append = store.append.bind(store);
  store.append = (write, done) => {
    begun++;
    append(write, (failure) => {
      ended++;
      // The next write begins within, so that what waits for it is not taken for idle.
      done(failure);
      release();
    });
  };
  const send = transport.send.bind(transport);
  transport.send = (to, channel, message, lane) => {
    if (channel !== CHANNEL.consensus || lane !== 'bulk') return send(to, channel, message, lane);
    held.push({ afterWrite: begun + 1, send: () => send(to, channel, message, lane) });
    if (held.length === 1) setImmediate(release);
    return 'queued';
  };
}

/** Everything in one lane: heartbeats, votes and acknowledgements behind entries. */
function withoutLanes(transport: Transport): void {
  const send = transport.send.bind(transport);
  transport.send = (to, channel, message) => send(to, channel, message, 'bulk');
}

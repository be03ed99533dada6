// One voter with a large state in a process of its own, and a watch over its event loop.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type ReplicatedModule, SnapshotableMap } from '@tutti/consensus';
import type { PeerAddress, WireValue } from '@tutti/kernel';
import { generateKeyPair } from '@tutti/transport';
import { serve } from '../../harness/fleet-member.ts';
import type { LargeStateConfig, LargeStateReport } from './large-state.ts';
import { openVoter, startVoter, type VoterNode } from './voter-node.ts';

const pairs = new SnapshotableMap<string, string>();
const module: ReplicatedModule = {
  name: 'pairs',
  apply: (command: WireValue) => {
    const [key, value] = command as [string, string];
    pairs.set(key, value);
    return pairs.size;
  },
  snapshot: () => pairs.capture(),
  restore: () => {
    throw new Error('a large state is restored in parts');
  },
  restorer: () => pairs.restorer((part) => part as [string, string]),
};

/**
 * The longest that this thread worked between two visits of a timer, in its own processor time: what a stall is when
 * nobody else wants the processor. Collections of garbage on this thread count.
 */
class WorkBursts {
  longestMs = 0;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    let last = threadMs();
    this.#timer = setInterval(() => {
      const now = threadMs();
      this.longestMs = Math.max(this.longestMs, now - last);
      last = now;
    }, 1);
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

let voter: VoterNode | undefined;
let valueBytes = 0;
let delays = monitorEventLoopDelay({ resolution: 1 });
let writer: NodeJS.Timeout | undefined;
const writes = { done: 0, underWay: 0 };
let bursts = new WorkBursts();
let collectionMs = 0;

new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) collectionMs = Math.max(collectionMs, duration);
}).observe({ entryTypes: ['gc'] });

/** Text of one byte per character, different for each key. */
function valueOf(number: number): string {
  const bytes = Buffer.alloc(valueBytes);
  for (let at = 0; at < valueBytes; at++) bytes[at] = 32 + ((number * 31 + at * 7) % 90);
  return bytes.toString('latin1');
}

async function open(config: LargeStateConfig): Promise<PeerAddress> {
  valueBytes = config.valueBytes;
  for (let number = 0; number < config.entries; number++) pairs.set(`key ${number}`, valueOf(number));
  voter = await openVoter(config, module);
  return voter.address;
}

/** A command every few milliseconds, spread over the keys, until the process ends. */
function write({ everyMs, keys }: { everyMs: number; keys: number }): void {
  writer ??= setInterval(() => {
    const number = (writes.done * 7919) % keys;
    writes.underWay++;
    voter!.replica.proposeWith('pairs', [`key ${number}`, valueOf(number + 1)], undefined, (failure) => {
      writes.underWay--;
      if (!failure) writes.done++;
    });
  }, everyMs);
}

function watch(): void {
  globalThis.gc?.();
  delays.disable();
  delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  bursts.end();
  bursts = new WorkBursts();
  // Those before, the one asked for above included, are told in a later turn.
  setImmediate(() => setImmediate(() => (collectionMs = 0)));
}

function report(): LargeStateReport {
  const { replica } = voter!;
  const { snapshotsTaken, snapshotsSent } = replica.stats();
  return {
    stallMs: delays.max / 1e6,
    collectionMs,
    workMs: bursts.longestMs,
    p99Ms: delays.percentile(99) / 1e6,
    rssBytes: process.resourceUsage().maxRSS * 1024,
    appliedIndex: replica.status().appliedIndex,
    snapshotsTaken,
    snapshotsSent,
    written: writes.done,
  };
}

/** A sum over all keys and values, to compare nodes by. */
async function sum(): Promise<{ readonly keys: number; readonly sum: number }> {
  clearInterval(writer);
  while (writes.underWay > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await voter!.replica.readBarrier();
  let sum = 0;
  for (const [key, value] of pairs.entries())
    for (let at = 0; at < value.length; at += 97)
      sum = (Math.imul(sum, 31) + key.length + value.charCodeAt(at)) >>> 0;
  return { keys: pairs.size, sum };
}

serve({
  open,
  keys: generateKeyPair,
  start: (peers: readonly PeerAddress[]) => startVoter(voter!, peers),
  status: () => voter!.replica.status(),
  meet: (peer: PeerAddress) => voter!.transport.addPeer(peer),
  write,
  watch,
  report,
  sum,
});

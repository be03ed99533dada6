import { logIndex, nodeId, seededRandom, silentLogger, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { Entry } from '../raft/messages.ts';
import { answerRepair, type RepairRequest } from '../raft/repair.ts';
import type { LogStoreState } from '../storage/log-store.ts';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { Repairer } from './repairer.ts';

const membership = { voters: ['a', 'b', 'c'].map(nodeId), learners: [] };
const ENTRY_BYTES = 40;
const GIVE_UP_MS = 1_000;

/** A store that holds ten entries. */
function whole(clock: VirtualClock): MemoryLogStore {
  const store = new MemoryLogStore(clock);
  const entries = Array.from({ length: 10 }, (_, i): Entry => {
    return { index: logIndex(i + 1), term: term(1), kind: 'command', data: new Uint8Array(ENTRY_BYTES) };
  });
  store.open(() => {});
  store.append({ hardState: { term: term(1), votedFor: undefined }, entries }, () => {});
  clock.advance(1);
  return store;
}

/** Node a, which has lost these of its entries, and asks its peers for them. */
class Repairing {
  readonly clock = new VirtualClock();
  readonly store = whole(this.clock);
  readonly sent: RepairRequest[] = [];
  readonly #log = whole(this.clock);
  readonly #repairer: Repairer;
  failure: Error | undefined;
  repaired: LogStoreState | undefined;

  constructor(lost: readonly number[], holeBytesMax: number) {
    const { clock, store } = this;
    store.close(() => {});
    store.lose({ entries: lost });
    let stored: LogStoreState | undefined;
    store.open((_failure, state) => (stored = state));
    clock.advance(1);
    this.#repairer = new Repairer(
      {
        self: nodeId('a'),
        initial: membership,
        store,
        clock,
        random: seededRandom(1),
        life: 1,
        logger: silentLogger,
        giveUpMs: GIVE_UP_MS,
        holeBytesMax,
        send: (request) => this.sent.push(request),
        done: (state) => (this.repaired = state),
        failed: (failure) => (this.failure = failure),
        linked: () => [],
      },
      stored!,
    );
    this.#repairer.begin();
  }

  /** What was asked last is answered, out of a whole log, two entries at a time. */
  answer(leads: boolean): void {
    const request = this.sent.at(-1)!;
    const log = this.#log;
    const source = { id: request.to, term: term(1), leads, commitIndex: logIndex(10), membership, log };
    this.#repairer.take(answerRepair(source, request, 2 * ENTRY_BYTES));
    this.clock.advance(1);
  }
}

test('what follows a hole that is too large to be gathered is kept until a leader is known', () => {
  const repairing = new Repairing([3, 4, 5, 6, 7], 3 * ENTRY_BYTES);
  const { sent, store, clock } = repairing;
  repairing.answer(false);
  expect(sent.at(-1)!.wants).toBe('entries');
  repairing.answer(false);
  // Its peers have the hole, and no snapshot; neither leads.
  for (let round = 0; round < 10; round++) {
    expect(sent.at(-1)).toMatchObject({ wants: 'snapshot', nextIndex: 7 });
    repairing.answer(false);
    clock.advance(GIVE_UP_MS);
  }
  expect(repairing.failure).toBeUndefined();
  expect(store.entries(logIndex(8), logIndex(10), Infinity)).toHaveLength(3);
  repairing.answer(true);
  expect(sent.at(-1)!.wants).toBe('end');
  expect(store.lastIndex).toBe(2);
});

test('a hole of which all has been gathered is closed, however large it is', () => {
  const repairing = new Repairing([3, 4], ENTRY_BYTES);
  repairing.answer(false);
  expect(repairing.repaired).toMatchObject({ lastIndex: 10, damage: undefined });
});

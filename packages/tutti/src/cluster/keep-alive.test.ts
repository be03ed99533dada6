import { isTuttiError, TuttiError } from '@tutti/kernel';
import { expect, it } from 'vitest';
import { type KeptCluster, keepAlive } from './keep-alive.ts';

const full = new TuttiError('TUTTI_STORE_FULL', { directory: 'n1' });
const spoiled = new TuttiError('TUTTI_IDENTITY_INVALID', { file: 'identity.json', problem: 'half of it' });

function life() {
  const { promise: exited, resolve: die } = Promise.withResolvers<void>();
  return { id: 'n1', exited, die };
}

/** A node whose restarts end as it is said, one after the other, and then succeed; time does not pass. */
class World implements KeptCluster {
  readonly told: string[] = [];
  readonly waits: number[] = [];
  readonly #outcomes: Error[];
  readonly #abort = new AbortController();
  #lives = [life()];
  #whenTold = Promise.withResolvers<void>();
  onWait: (count: number) => void = () => {};

  constructor(...outcomes: Error[]) {
    this.#outcomes = outcomes;
    const tell = (what: string): void => {
      this.told.push(what);
      this.#whenTold.resolve();
      this.#whenTold = Promise.withResolvers<void>();
    };
    keepAlive(this, {
      signal: this.#abort.signal,
      wait: (delayMs) => {
        this.waits.push(delayMs);
        this.onWait(this.waits.length);
        return Promise.resolve();
      },
      listener: {
        died: () => tell('died'),
        restarted: () => tell('restarted'),
        postponed: () => tell('postponed'),
        gaveUp: (_node, thrown) => tell(`gave up: ${isTuttiError(thrown) ? thrown.code : 'unknown'}`),
      },
    });
  }

  nodes = () => this.#lives;
  onChange = () => () => {};

  restart(): Promise<void> {
    const next = life();
    this.#lives = [next];
    const outcome = this.#outcomes.shift();
    if (!outcome) return Promise.resolve();
    next.die();
    return Promise.reject(outcome);
  }

  die(): void {
    this.#lives[0]!.die();
  }

  remove(): void {
    this.#lives = [];
  }

  abort(): void {
    this.#abort.abort();
  }

  async toldSo(count: number): Promise<void> {
    while (this.told.length < count) await this.#whenTold.promise;
  }
}

/** All that does not wait for anything has been done. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('starts a node for which there was no space again and again, and waits longer each time up to a bound', async () => {
  const world = new World(...Array.from({ length: 7 }, () => full));
  world.die();
  await world.toldSo(3);
  expect(world.told).toEqual(['died', 'postponed', 'restarted']);
  expect(world.waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  // The next time it is started as soon as ever.
  world.die();
  await world.toldSo(5);
  expect(world.told.slice(3)).toEqual(['died', 'restarted']);
  expect(world.waits.slice(8)).toEqual([1_000]);
});

it('gives a node up that cannot be started for another reason, at once or later', async () => {
  for (const outcomes of [[spoiled], [full, spoiled]]) {
    const world = new World(...outcomes);
    world.die();
    await settled();
    expect(world.told.at(-1)).toBe('gave up: TUTTI_IDENTITY_INVALID');
    expect(world.waits).toHaveLength(outcomes.length);
  }
});

it('leaves a node alone that was removed, or when it is told to end, while there was no space', async () => {
  for (const end of ['remove', 'abort'] as const) {
    const world = new World(full, full, full);
    world.onWait = (count) => {
      if (count === 3) world[end]();
    };
    world.die();
    await settled();
    expect(world.waits, end).toEqual([1_000, 2_000, 4_000]);
    expect(world.told, end).toEqual(['died', 'postponed']);
  }
});

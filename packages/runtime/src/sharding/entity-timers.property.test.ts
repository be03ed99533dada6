import { VolatileConsensus } from '@tutti/consensus';
import { incarnation, nodeId, randomIds, seededRandom, settled, VirtualClock } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, cancel, createActor, enqueueActions, setup } from 'xstate';
import { CLUSTER_LEVEL } from '../cluster/cluster-level.ts';
import { QuorumLease } from '../cluster/quorum-lease.ts';
import { createActorSystem } from '../system/create-actor-system.ts';
import { Activation } from './activation.ts';
import type { EntityCommit } from './entity-states.ts';

type Id = 't' | 'u';
type SetEvent = {
  readonly type: 'set';
  readonly id: Id;
  readonly name: string;
  readonly inMs: number;
  /** What handling it cancels. */
  readonly cancels: Id | undefined;
};
type Bell =
  | SetEvent
  | { readonly type: 'cancel'; readonly id: Id }
  | { readonly type: 'ring'; readonly name: string; readonly cancels: Id | undefined };

/** Everything happens at a multiple of it. */
const STEP_MS = 50;
/** By when the last has rung. */
const ALL_MS = 1_000;

const bell = setup({
  types: { context: {} as { rung: readonly string[] }, events: {} as Bell },
}).createMachine({
  context: { rung: [] },
  on: {
    set: {
      actions: enqueueActions(({ enqueue, event: { id, name, inMs, cancels } }) => {
        enqueue.raise({ type: 'ring', name, cancels }, { id, delay: inMs });
      }),
    },
    cancel: { actions: cancel(({ event }) => event.id) },
    ring: {
      actions: [
        assign({ rung: ({ context, event }) => [...context.rung, event.name] }),
        enqueueActions(({ enqueue, event }) => {
          if (event.cancels) enqueue.cancel(event.cancels);
        }),
      ],
    },
  },
});

/** The machine under XState's own actor, which lives through everything. */
class Twin {
  readonly #clock = new VirtualClock(0);
  readonly #actor = createActor(bell, {
    clock: {
      setTimeout: (action, delayMs) => this.#clock.setTimer(delayMs, action),
      clearTimeout: (timer) => this.#clock.clearTimer(timer as object),
    },
  }).start();

  send(event: Bell): void {
    this.#actor.send(event);
  }

  pass(durationMs: number): void {
    this.#clock.advance(durationMs);
  }

  get rung(): readonly string[] {
    return this.#actor.getSnapshot().context.rung;
  }
}

/** The machine as an entity, of which a crash leaves what its last turn has committed. */
class Entity {
  readonly #clock = new VirtualClock(0);
  #stored: EntityCommit | undefined;
  #lives = 0;
  #activation: Activation;

  constructor() {
    this.#activation = this.#begin();
  }

  #begin(): Activation {
    const clock = this.#clock;
    const random = seededRandom(++this.#lives);
    const self = { nodeId: nodeId('n1'), incarnation: incarnation(this.#lives) };
    const system = createActorSystem({ ...self, clock, random, ids: randomIds(random) });
    const consensus = new VolatileConsensus(self.nodeId, clock);
    const lease = new QuorumLease({ consensus, clock, leaseMs: 300, renewMs: 100, isNeeded: () => true });
    lease.start();
    const store = {
      commit: (commit: EntityCommit) => {
        this.#stored = JSON.parse(JSON.stringify(commit)) as EntityCommit;
        return Promise.resolve();
      },
    };
    const state = this.#stored && { state: this.#stored, snapshot: this.#stored.snapshot, isMigrated: false };
    const activation = new Activation(
      {
        store,
        lease,
        clock,
        nodeId: self.nodeId,
        isOwner: () => true,
        makeRef: () => expect.unreachable(),
        level: () => CLUSTER_LEVEL,
        onStored: () => {},
      },
      {
        name: { kind: 'bell', key: 'a' },
        shard: 0,
        epoch: this.#lives,
        durable: true,
        logic: { machine: 'bell', version: 1, hash: '0' },
        state,
        bornAt: 0,
      },
    );
    activation.ref = system.spawn(bell, { keeper: activation });
    return activation;
  }

  async send(event: Bell): Promise<void> {
    this.#activation.ref!.send(event);
    await this.#rest();
  }

  async pass(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += STEP_MS) {
      this.#clock.advance(STEP_MS);
      await this.#rest();
    }
  }

  async crash(downMs: number): Promise<void> {
    this.#activation.cutOff();
    await this.pass(downMs);
    this.#activation = this.#begin();
  }

  /** Lets it come to rest, without time going on. */
  async #rest(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      await settled();
      this.#clock.advance(0);
    }
  }

  get rung(): readonly string[] {
    return (this.#stored!.snapshot as { context: { rung: readonly string[] } }).context.rung;
  }
}

type Step = { readonly send: Bell } | { readonly passMs: number } | { readonly downMs: number };

const id = fc.constantFrom<Id>('t', 't', 't', 'u');
const someMs = fc.integer({ min: 1, max: 8 }).map((steps) => steps * STEP_MS);
const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ id, inMs: someMs, cancels: fc.option(id, { nil: undefined, freq: 2 }) }),
      },
      { weight: 3, arbitrary: fc.record({ cancel: id }) },
      { weight: 2, arbitrary: fc.record({ passMs: fc.constantFrom(STEP_MS, 2 * STEP_MS) }) },
      { weight: 3, arbitrary: fc.record({ downMs: fc.constantFrom(STEP_MS, 2 * STEP_MS) }) },
    ),
    { minLength: 6, maxLength: 16, size: 'max' },
  )
  .map((drawn) =>
    drawn.map((one, at): Step => {
      if ('inMs' in one) return { send: { type: 'set', name: `${one.id}${at}`, ...one } };
      return 'cancel' in one ? { send: { type: 'cancel', id: one.cancel } } : one;
    }),
  );

describe('the timers of an entity', () => {
  it('ring, whenever its node is killed, as those of an XState actor that is not, whatever shares an id', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const twin = new Twin();
        const entity = new Entity();
        for (const step of [...all, { passMs: ALL_MS }]) {
          if ('send' in step) {
            twin.send(step.send);
            await entity.send(step.send);
          } else if ('passMs' in step) {
            twin.pass(step.passMs);
            await entity.pass(step.passMs);
          } else {
            twin.pass(step.downMs);
            await entity.crash(step.downMs);
          }
        }
        expect(entity.rung).toEqual(twin.rung);
      }),
      { numRuns: 150 },
    );
  });
});

import { CHANNEL, type NodeId, type WireValue } from '@tutti/kernel';
import type { RaftNode } from '../raft/raft-node.ts';
import type { RepairRequest } from '../raft/repair.ts';
import type { Applier } from './applier.ts';
import type { DriverParts } from './driver-parts.ts';
import type { Persister } from './persister.ts';
import { answersOver, type RepairAnswers } from './repair-answers.ts';
import { repairFromWire, repairToWire } from './repair-wire.ts';
import { Scrubber } from './scrubber.ts';

/** What has to do with the store of a running replica, as far as its upkeep needs it. */
export interface StoreUpkeepPorts {
  /** See `lifeOf`. */
  readonly life: number;
  readonly core: RaftNode;
  readonly persister: Persister;
  readonly applier: Applier;
  /** Has the driver look for work. */
  readonly schedule: () => void;
  /** Has ticks come, also where the group sleeps. */
  readonly wake: () => void;
  /** Has the core take note of what a peer that repairs its store says of itself. */
  readonly asked: (request: RepairRequest) => void;
}

/** Keeps what is stored whole while a replica runs: its own by reading it again, the peers' by giving them what they lost. */
export class StoreUpkeep {
  readonly #parts: DriverParts;
  readonly #ports: StoreUpkeepPorts;
  readonly #answers: RepairAnswers;
  readonly #scrubber: Scrubber;

  constructor(parts: DriverParts, ports: StoreUpkeepPorts) {
    const { life, core, persister, applier, schedule, wake } = ports;
    const { options, config, logger, stats } = parts;
    const { nodeId: self, store, clock, random, transport } = options;
    this.#parts = parts;
    this.#ports = ports;
    this.#answers = answersOver(options, () => core.repairSource());
    this.#scrubber = new Scrubber({
      self,
      store,
      clock,
      random: random.fork('scrub'),
      life,
      config,
      logger,
      stats,
      isWriting: () => !persister.isIdle,
      peers: () => {
        const { voters, outgoing = [], learners } = core.membership;
        return [...new Set([...voters, ...outgoing, ...learners])].filter((id) => id !== self);
      },
      send: (request) => transport.send(request.to, CHANNEL.consensus, repairToWire(request), 'control'),
      demandSnapshot: (done) => {
        if (applier.index === 0) return;
        applier.demandSnapshot(done);
        schedule();
      },
      wake,
    });
  }

  /** Whether something that has decayed is not mended yet. */
  get isBusy(): boolean {
    return this.#scrubber.isBusy;
  }

  tick(): void {
    this.#scrubber.tick();
  }

  /** Takes a message about repair, from a peer that asks or one that answers. */
  received(value: WireValue, from: NodeId): void {
    const { options, stats } = this.#parts;
    const message = repairFromWire(value, from, options.nodeId);
    if (message?.type === 'repairRequest') {
      this.#ports.asked(message);
      this.#answers.answer(message);
    } else if (message) this.#scrubber.take(message);
    else stats.malformed++;
  }

  end(): void {
    this.#scrubber.end();
  }
}

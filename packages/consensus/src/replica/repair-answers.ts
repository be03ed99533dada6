import { CHANNEL } from '@tutti/kernel';
import { answerRepair, type RepairReply, type RepairRequest, type RepairSource } from '../raft/repair.ts';
import type { StoredSnapshot } from '../storage/log-store.ts';
import { entryRoom } from './message-room.ts';
import { repairToWire } from './repair-wire.ts';
import type { ReplicaOptions } from './replica-options.ts';

/** The most bytes of entries, or of a snapshot, in one answer; fewer where a message does not hold as many. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** Snapshots are read for at most so many answers at a time; a peer that gets none asks again. */
const READS_MAX = 4;

/** Answers peers that repair their stores, whether this node takes part or repairs its own. */
export class RepairAnswers {
  readonly #source: () => RepairSource;
  readonly #snapshot: () => StoredSnapshot | undefined;
  readonly #send: (reply: RepairReply) => void;
  readonly #bytesMax: number;
  #reads = 0;

  constructor(
    source: () => RepairSource,
    snapshot: () => StoredSnapshot | undefined,
    send: (reply: RepairReply) => void,
    bytesMax: number,
  ) {
    this.#source = source;
    this.#snapshot = snapshot;
    this.#send = send;
    this.#bytesMax = bytesMax;
  }

  answer(request: RepairRequest): void {
    const reply = answerRepair(this.#source(), request, this.#bytesMax);
    const stored = request.wants === 'snapshot' ? this.#snapshot() : undefined;
    if (!stored || stored.meta.index < request.nextIndex || request.offset > stored.totalBytes)
      return this.#send(reply);
    if (this.#reads >= READS_MAX) return;
    this.#reads++;
    const { meta, totalBytes, checksum } = stored;
    const { offset } = request;
    stored.read(offset, Math.min(this.#bytesMax, totalBytes - offset), (failure, data) => {
      this.#reads--;
      if (failure) return;
      this.#send({ ...reply, outcome: 'chunk', chunk: { meta, totalBytes, checksum, offset, data } });
    });
  }
}

/** Answers over a replica's transport and store. */
export const answersOver = (
  { transport, store }: Pick<ReplicaOptions, 'transport' | 'store'>,
  source: () => RepairSource,
): RepairAnswers =>
  new RepairAnswers(
    source,
    () => store.snapshot(),
    (reply) => transport.send(reply.to, CHANNEL.consensus, repairToWire(reply), 'bulk'),
    Math.min(ANSWER_BYTES_MAX, entryRoom(transport)),
  );

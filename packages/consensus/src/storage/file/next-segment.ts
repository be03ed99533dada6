import { createSegment, type Segment, type SegmentPlace } from './segment.ts';

/** What the next segment of a log is made with, and who is told of it. */
export interface NextSegmentParts extends SegmentPlace {
  readonly segmentBytes: number;
  /** Of the newest segment there is. */
  readonly sequence: number;
  /** One has been made, or could not be: then it is tried again when it is needed. */
  readonly made: (failure: Error | undefined) => void;
}

/** The segment after the one in use. It is made ahead of need, so that a full one costs no more than an open. */
export class NextSegment {
  readonly #parts: NextSegmentParts;
  /** Of the newest segment there is, in use or made ready. */
  #sequence: number;
  #ready: Segment | undefined;
  /** Those that were made and are too small. They stay empty in their place, so that the sequence has no hole. */
  #passedOver: Segment[] = [];
  #isBeingMade = false;
  #whenMade: ((failure: Error | undefined) => void) | undefined;

  constructor(parts: NextSegmentParts) {
    this.#parts = parts;
    this.#sequence = parts.sequence;
  }

  get isBeingMade(): boolean {
    return this.#isBeingMade;
  }

  /** Begins to make it, unless it is there or being made. */
  prepare(sizeBytes: number = this.#parts.segmentBytes): void {
    if (this.#isBeingMade || this.#ready) return;
    this.#isBeingMade = true;
    const sequence = this.#sequence + 1;
    createSegment(this.#parts, sequence, sizeBytes, (failure, segment) => {
      this.#isBeingMade = false;
      this.#ready = segment;
      if (segment) this.#sequence = sequence;
      const waiting = this.#whenMade;
      this.#whenMade = undefined;
      this.#parts.made(failure);
      waiting?.(failure);
    });
  }

  /** Calls back with one of at least so many bytes, which stays the next one until it is taken. One call at a time. */
  find(bytesMin: number, done: (failure: Error | undefined, segment?: Segment) => void): void {
    if (this.#isBeingMade) {
      this.#whenMade = () => this.find(bytesMin, done);
      return;
    }
    const sizeBytes = Math.max(this.#parts.segmentBytes, bytesMin);
    if (this.#ready && this.#ready.sizeBytes >= sizeBytes) return done(undefined, this.#ready);
    if (this.#ready) this.#passedOver.push(this.#ready);
    this.#ready = undefined;
    this.#whenMade = (failure) => done(failure, this.#ready);
    this.prepare(sizeBytes);
  }

  /** It is in use from now on. @returns what the log goes on with: it, behind those that were passed over */
  take(): readonly Segment[] {
    const taken = [...this.#passedOver, this.#ready!];
    this.#passedOver = [];
    this.#ready = undefined;
    return taken;
  }
}

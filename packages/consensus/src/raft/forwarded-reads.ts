import type { Random } from '@tutti/kernel';
import { firstRequestOf } from './first-request.ts';

interface Question {
  readonly requestIds: readonly number[];
  readonly askedAtTick: number;
}

/**
 * The half of ReadIndex at a node that does not lead: reads of one turn become one question to the leader. The
 * question's number on the wire is unique over all lives of this node, since a late answer to an earlier life's question
 * names an index that is too old.
 */
export class ForwardedReads {
  #waiting: number[] = [];
  readonly #asked = new Map<number, Question>();
  #nextQuestion: number;
  #size = 0;
  readonly #readsMax: number;

  constructor(random: Random, life: number, readsMax: number) {
    this.#nextQuestion = firstRequestOf(random, life);
    this.#readsMax = readsMax;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** False when too many wait already. */
  add(requestId: number): boolean {
    if (this.#size >= this.#readsMax) return false;
    this.#size++;
    this.#waiting.push(requestId);
    return true;
  }

  /** Turns what waits into one question and returns its number. */
  ask(tick: number): number {
    const question = this.#nextQuestion++;
    this.#asked.set(question, { requestIds: this.#waiting, askedAtTick: tick });
    this.#waiting = [];
    return question;
  }

  /** The reads that an answer is for; none if it is late or repeated. */
  takeAnswered(question: number): readonly number[] {
    const asked = this.#asked.get(question);
    if (!asked) return [];
    this.#asked.delete(question);
    this.#size -= asked.requestIds.length;
    return asked.requestIds;
  }

  /** The reads of questions asked before `tick`: the question or its answer is lost. */
  takeOlderThan(tick: number): readonly number[] {
    const late: number[] = [];
    for (const [question, { askedAtTick }] of this.#asked) {
      if (askedAtTick >= tick) break;
      late.push(...this.takeAnswered(question));
    }
    return late;
  }

  /** All of them: there is no leader to answer any more. */
  takeAll(): readonly number[] {
    const all = [...this.#asked.values()].flatMap((question) => question.requestIds).concat(this.#waiting);
    this.#asked.clear();
    this.#waiting = [];
    this.#size = 0;
    return all;
  }
}

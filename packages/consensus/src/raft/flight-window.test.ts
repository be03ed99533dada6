import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FlightWindow } from './flight-window.ts';

interface Sent {
  readonly end: number;
  readonly bytes: number;
  /** Whether the round trip that is waited for is not over before this one is acknowledged. */
  inRound: boolean;
}

/** The window as one would tell it: a list of what is under way, of which each is looked at every time. */
class DumbWindow {
  messages: number;
  sent: Sent[] = [];
  readonly #messagesMax: number;
  readonly #bytesMax: number;

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
    this.messages = messagesMax;
  }

  get bytes(): number {
    return Math.max(1, Math.floor((this.#bytesMax * this.messages) / this.#messagesMax));
  }

  get bytesUnderWay(): number {
    return this.sent.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get hasRoom(): boolean {
    return this.sent.length < this.messages && this.bytesUnderWay < this.bytes;
  }

  send(end: number, bytes: number): void {
    this.sent.push({ end, bytes, inRound: !this.sent.some(({ inRound }) => inRound) });
  }

  acknowledged(index: number): boolean {
    const waited = this.sent.some(({ inRound }) => inRound);
    this.sent = this.sent.filter(({ end }) => end > index);
    if (!waited || this.sent.some(({ inRound }) => inRound)) return false;
    this.messages = Math.min(this.#messagesMax, this.messages + 1);
    for (const message of this.sent) message.inRound = true;
    return true;
  }

  takeBack(index: number): void {
    this.sent = this.sent.filter(({ end }) => end <= index);
  }

  halve(): void {
    this.messages = Math.max(1, Math.floor(this.messages / 2));
    for (const message of this.sent) message.inRound = true;
  }

  clear(): void {
    this.sent = [];
  }
}

type Step =
  | { readonly kind: 'send'; readonly entries: number; readonly bytes: number }
  | { readonly kind: 'acknowledge' | 'takeBack'; readonly back: number }
  | { readonly kind: 'halve' | 'clear' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      entries: fc.integer({ min: 1, max: 3 }),
      bytes: fc.nat(40),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), back: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeBack' as const), back: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('halve' as const, 'clear' as const) }) },
);

test('does what a list of what is under way says, whatever is sent, answered, refused and lost', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(step, { maxLength: 120, size: 'max' }),
      (messagesMax, bytesMax, steps) => {
        const window = new FlightWindow({ messagesMax, bytesMax });
        const dumb = new DumbWindow(messagesMax, bytesMax);
        let last = 0;
        for (const one of steps) {
          if (one.kind === 'send') {
            if (!dumb.hasRoom) continue;
            last += one.entries;
            window.sent(last, one.bytes);
            dumb.send(last, one.bytes);
          } else if (one.kind === 'acknowledge') {
            const index = Math.max(0, last - one.back);
            expect(window.acknowledged(index)).toBe(dumb.acknowledged(index));
          } else if (one.kind === 'takeBack') {
            // What is not under way any more was answered, and is not sent again.
            const answered = (dumb.sent[0]?.end ?? last + 1) - 1;
            const index = Math.max(answered, last - one.back);
            window.takeBack(index);
            dumb.takeBack(index);
            last = dumb.sent.at(-1)?.end ?? Math.min(last, index);
          } else {
            window[one.kind]();
            dumb[one.kind]();
          }
          const { messages, bytes, bytesUnderWay, hasRoom } = dumb;
          expect({
            messages: window.messages,
            bytes: window.bytes,
            underWay: window.underWay,
            bytesUnderWay: window.bytesUnderWay,
            hasRoom: window.hasRoom,
          }).toEqual({ messages, bytes, underWay: dumb.sent.length, bytesUnderWay, hasRoom });
          expect(window.messages).toBeGreaterThanOrEqual(1);
          expect(window.messages).toBeLessThanOrEqual(messagesMax);
          expect(window.underWay).toBeLessThanOrEqual(messagesMax);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('is halved down to one message, and opens by one for each round trip, not for each answer', () => {
  const window = new FlightWindow({ messagesMax: 8, bytesMax: 800 });
  const sizes = [1, 2, 3, 4, 5].map(() => {
    window.halve();
    return [window.messages, window.bytes];
  });
  expect(sizes).toEqual([
    [4, 400],
    [2, 200],
    [1, 100],
    [1, 100],
    [1, 100],
  ]);
  let end = 0;
  const opened = [2, 3, 4, 5, 6, 7, 8, 8].map(() => {
    const first = end;
    while (window.hasRoom) window.sent(++end, 1);
    for (let index = first + 1; index <= end; index++) window.acknowledged(index);
    return window.messages;
  });
  // The first message of a burst is a round trip, and what followed it another, of however many answers.
  expect(opened[0]).toBe(2);
  expect(Math.max(...opened.map((messages, i) => messages - (opened[i - 1] ?? 1)))).toBeLessThanOrEqual(2);
  expect(opened.at(-1)).toBe(8);
});

test('a message of any size is sent when nothing is under way', () => {
  const window = new FlightWindow({ messagesMax: 4, bytesMax: 10 });
  for (let i = 0; i < 3; i++) window.halve();
  expect(window.hasRoom).toBe(true);
  window.sent(1, 1_000_000);
  expect(window.hasRoom).toBe(false);
});

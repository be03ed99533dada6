import { isTuttiError } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LaneQueue } from '../session/lane-queue.ts';
import { FRAME, frameOf, readFrameHeader, readMessages } from './frame.ts';
import { transportLimits } from './limits.ts';
import { msgpackCodec } from './msgpack-codec.ts';

function messagesOf(frame: Uint8Array): [number, unknown][] {
  const found: [number, unknown][] = [];
  readMessages(frame, (channel, start, end) =>
    found.push([channel, msgpackCodec.decodeRange(frame, start, end)]),
  );
  return found;
}

describe('frames', () => {
  it('carry any messages through a lane in order, within the size of a batch unless one is larger alone', () => {
    const message = fc.tuple(
      fc.nat(255),
      fc.oneof(fc.string(), fc.string({ minLength: 40, maxLength: 300 })),
    );
    fc.assert(
      fc.property(fc.array(message), fc.nat(5), (messages, sealEvery) => {
        const limits = transportLimits({ batchBytes: 128 });
        const lane = new LaneQueue(msgpackCodec, 1, limits);
        const arrived: [number, unknown][] = [];
        messages.forEach(([channel, value], i) => {
          expect(lane.offer(channel, value)).toBe(true);
          if (sealEvery && i % sealEvery === 0) lane.seal();
        });
        lane.seal();
        for (let frame = lane.shift(); frame; frame = lane.shift()) {
          expect(readFrameHeader(frame.bytes, limits.frameBytesMax)).toEqual({
            version: 1,
            kind: FRAME.data,
          });
          const found = messagesOf(frame.bytes);
          expect(found).toHaveLength(frame.messages);
          if (found.length > 1) expect(frame.bytes.length).toBeLessThanOrEqual(128);
          arrived.push(...found);
        }
        expect(arrived).toEqual(messages);
        expect([lane.messages, lane.bytes]).toEqual([0, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it('are judged by size before anything in them is read', () => {
    expect(() => readFrameHeader(new Uint8Array(100), 99)).toThrow('100 bytes exceeds the limit of 99');
  });

  it('that are cut or foreign deliver nothing and raise a coded error', () => {
    const good = frameOf(1, FRAME.data, Uint8Array.of(0, 0, 0, 1, 9, 0xc0, 0, 0, 0, 2, 9, 1));
    expect(() => messagesOf(good)).toThrow('goes beyond the end');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (body) => {
        for (const frame of [body, frameOf(1, FRAME.data, body)]) {
          let delivered = 0;
          try {
            readFrameHeader(frame, 1_000);
            readMessages(frame, () => delivered++);
          } catch (thrown) {
            expect(isTuttiError(thrown, 'TUTTI_FRAME_MALFORMED')).toBe(true);
            expect(delivered).toBe(0);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

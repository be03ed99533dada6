import { isTuttiError, type Random, seededRandom } from '@tutti/kernel';
import { msgpackCodec } from '@tutti/transport';
import { WebSocket } from 'ws';
import {
  FRAME,
  FRAME_HEADER_BYTES,
  frameOf,
  MESSAGE_HEADER_BYTES,
  readFrameHeader,
  readMessages,
  writeMessageHeader,
} from '../../../packages/transport/src/codec/frame.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { NOTE } from './note.ts';
import { transportOf } from './transport-of.ts';

const FRAME_BYTES_MAX = 2 ** 20;
const WIRE_VERSION = 1;
const SOCKETS_AT_ONCE = 32;

/** Of the kinds of damage below, those that leave no frame that could be whole: false lengths, and bombs. */
const NEVER_WHOLE: readonly number[] = [2, 3];

interface Damaged {
  readonly frame: Uint8Array;
  readonly mustBeRefused: boolean;
}

/** A valid frame, and everything that can be done to one: cut, flipped bits, false lengths, bombs, noise. */
class Damage {
  readonly #random: Random;
  readonly #valid: Uint8Array;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const payload = msgpackCodec.encode({
      ...NOTE,
      list: [1, 'two', { three: [4, 5] }],
      bytes: new Uint8Array(9),
    });
    const body = new Uint8Array(2 * (MESSAGE_HEADER_BYTES + payload.length));
    for (const at of [0, MESSAGE_HEADER_BYTES + payload.length]) {
      writeMessageHeader(body, at, payload.length, 2);
      body.set(payload, at + MESSAGE_HEADER_BYTES);
    }
    this.#valid = frameOf(WIRE_VERSION, FRAME.data, body);
  }

  next(): Damaged {
    const kind = this.#random.integer(0, 5);
    return { frame: this.#frame(kind), mustBeRefused: NEVER_WHOLE.includes(kind) };
  }

  #frame(kind: number): Uint8Array {
    const random = this.#random;
    const frame = this.#valid.slice();
    switch (kind) {
      case 0:
        return frame.subarray(0, random.integer(0, frame.length - 1));
      case 1: {
        for (let i = random.integer(1, 8); i > 0; i--)
          frame[random.integer(0, frame.length - 1)]! ^= 1 << random.integer(0, 7);
        return frame;
      }
      case 2:
        // A length of up to 4 GiB.
        frame.set([random.integer(0, 255), random.integer(0, 255), 255, 255], FRAME_HEADER_BYTES);
        return frame;
      case 3: {
        // An array, a map or a string that says to be 4 GiB long.
        const bomb = [random.pick([0xdd, 0xdf, 0xdb]), 255, 255, 255, 255];
        frame.set(bomb, FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES);
        return frame;
      }
      case 4:
        // Lists in lists.
        return frame.fill(0x91, FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES, this.#valid.length >> 1);
      default:
        return frame.map(() => random.integer(0, 255));
    }
  }
}

type Outcome = 'refused' | 'harmless';

/** Reads a frame as a receiver does. @throws whatever is no coded refusal: that would have been a crash */
function receive(frame: Uint8Array): Outcome {
  try {
    readFrameHeader(frame, FRAME_BYTES_MAX);
    readMessages(frame, (_channel, start, end) => void msgpackCodec.decodeRange(frame, start, end));
    return 'harmless';
  } catch (thrown) {
    if (isTuttiError(thrown)) return 'refused';
    throw thrown;
  }
}

/** Damaged frames against the codec, then against an open port: none may crash it, and each must be counted. */
export async function malformedFrames({ frames, sockets, seed }: Sizes): Promise<Measurement> {
  const damage = new Damage(seed!);
  const outcomes: Record<Outcome, number> = { refused: 0, harmless: 0 };
  let swallowed = 0;
  const heap = () => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  let settledBytes = 0;
  const start = performance.now();
  for (let i = 0; i < frames!; i++) {
    if (i === Math.floor(frames! / 10)) settledBytes = heap();
    const { frame, mustBeRefused } = damage.next();
    const outcome = receive(frame);
    outcomes[outcome]++;
    if (mustBeRefused && outcome !== 'refused') swallowed++;
  }
  const seconds = (performance.now() - start) / 1_000;
  const growth = (heap() - settledBytes) / 1e6;
  const port = await againstPort(damage, sockets!);
  return {
    figures: {
      rate: frames! / seconds,
      uncounted: swallowed + port.miscounted,
      growth,
      sockets: port.perS,
    },
    verified: `${frames} damaged frames: ${outcomes.refused} refused with a code, ${outcomes.harmless} harmless; ${sockets} connections that sent one, ${port.counted} turned away and counted, and the port still links a proper peer`,
  };
}

/** Strangers that send one damaged frame each. Afterwards a proper peer must still be let in. */
async function againstPort(damage: Damage, sockets: number) {
  const { transport, address } = await transportOf('port');
  const start = performance.now();
  const counters = () => Object.values(transport.counters().rejected).reduce((sum, count) => sum + count, 0);
  let counted = 0;
  let miscounted = 0;
  for (let left = sockets; left > 0; left -= SOCKETS_AT_ONCE) {
    const lot = Array.from({ length: Math.min(left, SOCKETS_AT_ONCE) }, () => damage.next().frame);
    await Promise.all(lot.map((frame) => sendAndLeave(address.url, frame)));
    // Of each lot, so that one who is counted twice does not make up for one who is not counted at all.
    const before = counted;
    counted = counters();
    miscounted += Math.abs(counted - before - lot.length);
  }
  const perS = (sockets * 1_000) / (performance.now() - start);
  const peer = await transportOf('peer');
  const linked = new Promise<void>((resolve) =>
    transport.onLink({ linkUp: () => resolve(), linkDown: () => {} }),
  );
  transport.addPeer(peer.address);
  peer.transport.addPeer(address);
  await linked;
  await Promise.all([transport.close(), peer.transport.close()]);
  return { perS, counted, miscounted };
}

function sendAndLeave(url: string, frame: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.on('error', () => {});
    socket.once('open', () => socket.send(frame));
    socket.once('close', () => resolve());
  });
}

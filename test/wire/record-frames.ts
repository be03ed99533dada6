// Prints the frames of sample messages as the present code writes them for a wire version. The output for the version
// before is kept beside this file as `wire-N.json`; it is recorded once, with the last code that had no later version.
import { FRAME_HEADER_BYTES, MESSAGE_HEADER_BYTES } from '../../packages/transport/src/codec/frame.ts';
import { transportLimits } from '../../packages/transport/src/codec/limits.ts';
import { msgpackCodec } from '../../packages/transport/src/codec/msgpack-codec.ts';
import { LaneQueue } from '../../packages/transport/src/session/lane-queue.ts';
import { GROUP_SAMPLES_OF_1 } from './group-messages.ts';
import { CONSENSUS_SAMPLES_OF_1 } from './raft-messages.ts';
import { SAMPLES_OF_1, type SampleMessage } from './sample-messages.ts';

/** One of each kind of message that wire version 1 has. */
export const ALL_SAMPLES_OF_1: readonly SampleMessage[] = [
  ...SAMPLES_OF_1,
  ...CONSENSUS_SAMPLES_OF_1,
  ...GROUP_SAMPLES_OF_1,
];

/** A message and the frame that carries it alone, in hexadecimal. */
export interface RecordedFrame {
  readonly name: string;
  readonly channel: number;
  readonly frame: string;
}

export function recordFrame({ name, channel, message }: SampleMessage, wireVersion: number): RecordedFrame {
  const lane = new LaneQueue(msgpackCodec, wireVersion, transportLimits());
  lane.offer(channel, message);
  lane.seal();
  return { name, channel, frame: Buffer.from(lane.shift()!.bytes).toString('hex') };
}

/** Bytes of a frame that are no payload when it carries one message. */
export const HEADERS_BYTES = FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES;

if (import.meta.main)
  process.stdout.write(
    `${JSON.stringify(
      ALL_SAMPLES_OF_1.map((sample) => recordFrame(sample, 1)),
      undefined,
      2,
    )}\n`,
  );

import { type Transport, TuttiError } from '@tutti/kernel';
import type { ReplicaConfig } from './replica-options.ts';

type Messages = Pick<Transport, 'messageBytesMax'>;

/**
 * What stands in a message beside its data at most: a configuration with every contact, or the commands that are
 * forwarded along with a large one.
 */
const BESIDE_BYTES_MAX = 512 * 1024;
/** By how much entries grow on the wire: each by some 12 bytes, and the smallest has three times as many. */
const ENTRY_GROWTH = 1.5;

/** How many bytes of data are sure to fit a message. */
const dataRoom = ({ messageBytesMax = Infinity }: Messages): number => messageBytesMax - BESIDE_BYTES_MAX;

/** How many bytes of entries are sure to fit a message, however small they are. */
export const entryRoom = (transport: Messages): number => Math.floor(dataRoom(transport) / ENTRY_GROWTH);

const ROOMS = { commandBytesMax: dataRoom, snapshotChunkBytes: dataRoom, appendBytesMax: entryRoom } as const;

/**
 * Refuses numbers that cannot work together: a message that its transport does not take would end the replica when it is
 * sent, and again after each start.
 * @throws TuttiError `TUTTI_OPTION_INVALID`
 */
export function mustFit(config: Required<ReplicaConfig>, transport: Messages): void {
  const { heartbeatTicks, electionTicks } = config;
  if (heartbeatTicks >= electionTicks)
    throw refused('heartbeatTicks', heartbeatTicks, `fewer than electionTicks, which is ${electionTicks}`);
  for (const option of Object.keys(ROOMS) as (keyof typeof ROOMS)[]) {
    const room = ROOMS[option](transport);
    const expected = `at most ${room} bytes, since a message of its transport has at most ${transport.messageBytesMax}`;
    if (config[option] > room) throw refused(option, config[option], expected);
  }
}

const refused = (option: keyof ReplicaConfig, value: number, expected: string): TuttiError =>
  new TuttiError('TUTTI_OPTION_INVALID', { option, value: String(value), expected });

import { assert } from '@tutti/kernel';

/**
 * The wire formats this build can speak, both included: the present one, and the one before for as long as a cluster is
 * brought from one to the other node by node. A pair speaks the highest that both have. Version 2 added the probe answer
 * `unheard`; `settled`, `handed`, `handedAll` and `kept` for a shard that moves; and `isFull` of an `ended` that is none.
 * What only stands behind the rest of a message, such as `attempt` and `damaged` of Raft's, needs none: who does not know
 * it leaves it out. What version 1 was is kept in `test/wire/wire-1.json`.
 */
export const WIRE_VERSIONS: WireVersions = { min: 1, max: 2 };

/** A range of wire formats, both ends included; from 1 to 255. */
export interface WireVersions {
  readonly min: number;
  readonly max: number;
}

/** Every bound of a transport. Sizes in bytes, times in milliseconds; all take effect when the transport is made. */
export interface TransportLimits {
  /** The largest frame sent or accepted, header included; default 4 MiB. Both ends of a link should agree. */
  readonly frameBytesMax: number;
  /** A frame is closed and written once it holds this much; default 64 KiB. A larger message has its own frame. */
  readonly batchBytes: number;
  /** Encoded bytes that one lane of one link may hold back before `send` answers `full`; default 16 MiB. */
  readonly laneBytesMax: number;
  /** Messages that one lane of one link may hold back before `send` answers `full`; default 131,072. */
  readonly laneMessagesMax: number;
  /** No further frame is handed to a socket that still holds this much unwritten; default 1 MiB. */
  readonly highWaterBytes: number;
  /** From the first byte of a connection to a link that is up; default 5 s. */
  readonly handshakeTimeoutMs: number;
  /** Bytes a connection may send before it has proven who it is; default 16 KiB. */
  readonly handshakeBytesMax: number;
  /** Connections of strangers, from the first byte on, that are held at a time; default 64. More are closed at once. */
  readonly handshakesMax: number;
  /** How often the control lane is probed; default 1 s. */
  readonly pingIntervalMs: number;
  /**
   * A link is dead after this many probes in a row went unanswered; default 4. Probes are counted, not time, so
   * that a stall of this node's own event loop is not taken for the silence of all others.
   */
  readonly pingsMissedMax: number;
  /** A link is dead too if one of its lanes holds bytes and none were taken for this many probes; default 30. */
  readonly laneStallPingsMax: number;
  /** First wait before dialling again; default 50 ms. It doubles, with jitter. */
  readonly redialInitialMs: number;
  /** The longest wait before dialling again; default 2 s. */
  readonly redialMaxMs: number;
  /** Wait after a refusal that only a change of configuration can heal (cluster, key, version); default 10 s. */
  readonly redialRefusedMs: number;
  /** How long `close` waits for peers to take what is queued before it cuts; default 1 s. */
  readonly closeGraceMs: number;
}

/** What holds where nothing else is said; each is explained at {@link TransportLimits}. */
export const DEFAULT_LIMITS: TransportLimits = {
  frameBytesMax: 4 * 1024 * 1024,
  batchBytes: 64 * 1024,
  laneBytesMax: 16 * 1024 * 1024,
  laneMessagesMax: 131_072,
  highWaterBytes: 1024 * 1024,
  handshakeTimeoutMs: 5_000,
  handshakeBytesMax: 16 * 1024,
  handshakesMax: 64,
  pingIntervalMs: 1_000,
  pingsMissedMax: 4,
  laneStallPingsMax: 30,
  redialInitialMs: 50,
  redialMaxMs: 2_000,
  redialRefusedMs: 10_000,
  closeGraceMs: 1_000,
};

/** The defaults with some of them replaced, checked against each other. */
export function transportLimits(given: Partial<TransportLimits> = {}): TransportLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  assert(limits.frameBytesMax >= 64 && limits.frameBytesMax < 2 ** 31, 'a frame length fits 31 bits');
  assert(limits.batchBytes <= limits.frameBytesMax, 'a batch fits a frame');
  assert(limits.laneBytesMax >= limits.frameBytesMax, 'a lane can hold the largest frame');
  assert(limits.laneMessagesMax >= 1, 'a lane holds at least one message');
  return limits;
}

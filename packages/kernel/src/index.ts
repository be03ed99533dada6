/**
 * Primitives and ports that every other package stands on: assertions, coded errors, branded ids, clocks, seeded
 * chance, bounded collections, and the doors to the outside world. It imports nothing.
 *
 * @module
 */
export { AssertionError, assert, unreachable } from './assert.ts';
export { type BackoffOptions, backoffDelayMs } from './backoff.ts';
export type { Brand } from './brand.ts';
export { canonicalJson, jsonCodec } from './canonical.ts';
export type { Clock, Timer } from './clock/clock.ts';
export { systemClock } from './clock/system-clock.ts';
export { runVirtual, settled, VirtualClock } from './clock/virtual-clock.ts';
export { BoundedQueue, type Offer, type OverflowPolicy } from './collections/bounded-queue.ts';
export { Heap } from './collections/heap.ts';
export { Histogram, type PackedHistogram } from './collections/histogram.ts';
export { lastOf } from './collections/last-of.ts';
export { Listeners } from './collections/listeners.ts';
export { Ring } from './collections/ring.ts';
export { durationMs, showDuration } from './duration.ts';
export { ERRORS, type ErrorCode, type ErrorRow } from './error/error-table.ts';
export { type ErrorDetails, isTuttiError, messageOf, TuttiError } from './error/tutti-error.ts';
export {
  type ClusterId,
  clusterId,
  type IdSource,
  type Incarnation,
  incarnation,
  type LogIndex,
  logIndex,
  type NodeId,
  nodeId,
  randomIds,
  type Term,
  term,
} from './ids.ts';
export { mustBePlain, NESTING_MAX } from './plain.ts';
export type { ValueCodec } from './ports/codec.ts';
export { type Logger, silentLogger } from './ports/logger.ts';
export type { Thread, ThreadData, ThreadListener, Threads } from './ports/threads.ts';
export {
  CHANNEL,
  type Channel,
  type Lane,
  type LinkListener,
  type MessageHandler,
  type PeerAddress,
  type PeerIdentity,
  type SendOutcome,
  type Transport,
  type TransportCounters,
  type WireValue,
} from './ports/transport.ts';
export { type Random, seededRandom } from './random.ts';
export { systemRandom } from './system-random.ts';
export { canonicalText, parseWireText, wireText } from './wire-text.ts';

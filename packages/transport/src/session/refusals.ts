import type { Clock, ErrorCode, Logger, NodeId, TuttiError } from '@tutti/kernel';
import type { Tally } from './tally.ts';

const QUIET_MS = 60_000;
const REMEMBERED_MAX = 1024;

/** Refusals that dialling again cannot heal, because somebody has to change a configuration first. */
const CONFIGURATION: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TUTTI_PEER_WRONG_CLUSTER',
  'TUTTI_PEER_KEY_MISMATCH',
  'TUTTI_PEER_WIRE_VERSION',
  'TUTTI_PEER_BAD_SIGNATURE',
]);

export function isConfigurationError(error: TuttiError): boolean {
  return CONFIGURATION.has(error.code);
}

/** Counts every refusal, and logs each kind once a minute per peer: a peer that knocks all day must not fill the log. */
export class Refusals {
  readonly #clock: Clock;
  readonly #tally: Tally;
  readonly #logger: Logger;
  readonly #loggedAt = new Map<string, number>();

  constructor(clock: Clock, tally: Tally, logger: Logger) {
    this.#clock = clock;
    this.#tally = tally;
    this.#logger = logger;
  }

  /** @param remote The peer if it is known, else where the connection came from. @param byPeer Who refused whom. */
  note(error: TuttiError, remote: NodeId | string, byPeer: boolean): void {
    this.#tally.reject(error.code);
    const key = `${error.code} ${byPeer} ${remote}`;
    const now = this.#clock.now();
    const last = this.#loggedAt.get(key);
    if (last !== undefined && now - last < QUIET_MS) return;
    if (this.#loggedAt.size >= REMEMBERED_MAX) this.#loggedAt.clear();
    this.#loggedAt.set(key, now);
    const fields = { remote, byPeer, code: error.code, wayOut: error.wayOut };
    const who = byPeer ? 'the peer refused this node' : 'refused a peer';
    if (isConfigurationError(error)) this.#logger.error(fields, `${who}: ${error.message}`);
    else this.#logger.warn(fields, `${who}: ${error.message}`);
  }
}

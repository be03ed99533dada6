import { assert } from '@tutti/kernel';

/**
 * The bytes of an entry. The proposer's replica makes them once; the leader writes its time into their fixed place,
 * and from then on they are the same on every disk and wire.
 *
 * command:  form 1 | timeMs f64 | session f64 | sequence f64 | acked f64 | name length u8 | name | command
 * opening:  form 2 | timeMs f64 | sessionsMax f64 | nonce
 */
const FORM_COMMAND = 1;
const FORM_OPEN = 2;
const TIME_AT = 1;
const SESSION_AT = 9;
const SEQUENCE_AT = 17;
const ACKED_AT = 25;
const NAME_AT = 33;
const OPEN_LIMIT_AT = 9;
const OPEN_NONCE_AT = 17;

/**
 * How the nonce of an opening begins that a leader may take once and let its copies be. Who sends it takes another nonce
 * when it can no longer tell what became of the first. A node of the version before goes on with the same one, which
 * begins with its name; so its copies have to be taken.
 */
const ONCE = '/';

/** What the fixed part and a name add to a command at most. */
export const COMMAND_OVERHEAD_BYTES_MAX = NAME_AT + 1 + 255;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const viewOf = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset, data.byteLength);

/** What tells a command from every other (Raft thesis 6.3). */
export interface CommandId {
  readonly session: number;
  readonly sequence: number;
}

/** A command of a client session (Raft thesis 6.3). */
export interface Command extends CommandId {
  readonly form: 'command';
  readonly timeMs: number;
  /** The session has the results of every sequence below this one; they can be forgotten. */
  readonly acked: number;
  readonly module: string;
  readonly body: Uint8Array;
}

/** Opens a client session; its id is the index of the entry. */
export interface SessionOpening {
  readonly form: 'open';
  readonly timeMs: number;
  /** Sessions remembered from here on. In the entry, so that every node forgets the same ones. */
  readonly sessionsMax: number;
  /** How the opener recognises its own entry, and a leader a copy of it. */
  readonly nonce: string;
}

/** The nonce of an opening that has an id of its own, see `idsOf`. */
export const onceNonce = (id: string): string => `${ONCE}${id}`;

/** Module names to bytes and back, each converted once. */
export class NameTable {
  readonly #bytes = new Map<string, Uint8Array>();

  bytesOf(name: string): Uint8Array {
    let bytes = this.#bytes.get(name);
    if (!bytes) {
      bytes = encoder.encode(name);
      assert(bytes.length >= 1 && bytes.length <= 255, 'a module name has 1 to 255 bytes');
      this.#bytes.set(name, bytes);
    }
    return bytes;
  }

  /** The name whose bytes stand at `from`; found among the known ones without making a string. */
  nameAt(data: Uint8Array, from: number, length: number): string {
    next: for (const [name, bytes] of this.#bytes) {
      if (bytes.length !== length) continue;
      for (let i = 0; i < length; i++) if (bytes[i] !== data[from + i]) continue next;
      return name;
    }
    return decoder.decode(data.subarray(from, from + length));
  }
}

export function encodeCommand(
  name: Uint8Array,
  body: Uint8Array,
  session: number,
  sequence: number,
  acked: number,
): Uint8Array {
  const data = new Uint8Array(NAME_AT + 1 + name.length + body.length);
  const view = viewOf(data);
  data[0] = FORM_COMMAND;
  view.setFloat64(SESSION_AT, session);
  view.setFloat64(SEQUENCE_AT, sequence);
  view.setFloat64(ACKED_AT, acked);
  data[NAME_AT] = name.length;
  data.set(name, NAME_AT + 1);
  data.set(body, NAME_AT + 1 + name.length);
  return data;
}

export function encodeOpening(nonce: string, sessionsMax: number): Uint8Array {
  const bytes = encoder.encode(nonce);
  const data = new Uint8Array(OPEN_NONCE_AT + bytes.length);
  data[0] = FORM_OPEN;
  viewOf(data).setFloat64(OPEN_LIMIT_AT, sessionsMax);
  data.set(bytes, OPEN_NONCE_AT);
  return data;
}

const nonceOf = (opening: Uint8Array): string => decoder.decode(opening.subarray(OPEN_NONCE_AT));

/** The nonce of an opening that a leader may take once; undefined of any other, and of a command. */
export function onceNonceOf(data: Uint8Array): string | undefined {
  if (data[0] !== FORM_OPEN) return undefined;
  const nonce = nonceOf(data);
  return nonce.startsWith(ONCE) ? nonce : undefined;
}

/** A copy with the leader's time in it. A copy, because an earlier attempt may stand in a log already. */
export function stamped(data: Uint8Array, timeMs: number): Uint8Array {
  const copy = data.slice();
  viewOf(copy).setFloat64(TIME_AT, timeMs);
  return copy;
}

/** Whether these bytes, which another node sent, can be read back: checked before they may enter the log. */
export function isWellFormed(data: Uint8Array): boolean {
  if (data[0] === FORM_OPEN) return data.length > OPEN_NONCE_AT;
  return data[0] === FORM_COMMAND && data.length > NAME_AT && data.length > NAME_AT + data[NAME_AT]!;
}

/** The module that a well-formed command is for; undefined of an opening. */
export function moduleNameIn(data: Uint8Array, names: NameTable): string | undefined {
  return data[0] === FORM_COMMAND ? names.nameAt(data, NAME_AT + 1, data[NAME_AT]!) : undefined;
}

/** Which command this is, as its proposer knows it: the session it was made in, and its sequence there. */
export function commandIdOf(data: Uint8Array): CommandId {
  const view = viewOf(data);
  return { session: view.getFloat64(SESSION_AT), sequence: view.getFloat64(SEQUENCE_AT) };
}

export function decodeCommand(data: Uint8Array, names: NameTable): Command | SessionOpening {
  assert(isWellFormed(data), 'an entry of the log is a command or opens a session');
  const view = viewOf(data);
  const timeMs = view.getFloat64(TIME_AT);
  if (data[0] === FORM_OPEN)
    return { form: 'open', timeMs, sessionsMax: view.getFloat64(OPEN_LIMIT_AT), nonce: nonceOf(data) };
  return {
    form: 'command',
    timeMs,
    session: view.getFloat64(SESSION_AT),
    sequence: view.getFloat64(SEQUENCE_AT),
    acked: view.getFloat64(ACKED_AT),
    module: moduleNameIn(data, names)!,
    body: data.subarray(NAME_AT + 1 + data[NAME_AT]!),
  };
}

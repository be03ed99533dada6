import {
  assert,
  canonicalJson,
  type ErrorDetails,
  isTuttiError,
  type Lane,
  type NodeId,
  type PeerIdentity,
  TuttiError,
} from '@tutti/kernel';
import { FRAME, FRAME_HEADER_BYTES, type FrameKind, frameOf, readFrameHeader } from '../codec/frame.ts';
import { type Hello, judgeHello, type PeerKnowledge, readHello, readObject } from './hello.ts';

/** The largest frame of a handshake. */
export const HANDSHAKE_FRAME_BYTES_MAX = 4096;
const HANDSHAKE_VERSION = 0;
const SIGNATURE_BYTES = 64;

export interface HandshakeOptions {
  readonly role: 'dialler' | 'acceptor';
  /** How this end introduces itself; for an acceptor, `lane` and `link` are taken over from the dialler. */
  readonly own: Hello;
  /** Which node was dialled. */
  readonly expected?: NodeId;
  readonly knowledge: (nodeId: NodeId) => PeerKnowledge;
  readonly sign: (message: Uint8Array) => Uint8Array;
  readonly verify: (publicKey: string, message: Uint8Array, signature: Uint8Array) => boolean;
}

/** A peer that has proven who it is, and what the connection to it is for. */
export interface Established {
  readonly peer: PeerIdentity;
  readonly wireVersion: number;
  readonly lane: Lane;
  readonly link: string;
}

/** What to do after a frame: send these, and go on as `outcome` says once there is one. */
export interface HandshakeStep {
  readonly send: readonly Uint8Array[];
  readonly outcome?:
    | { readonly kind: 'established'; readonly result: Established }
    | { readonly kind: 'refused'; readonly error: TuttiError; readonly byPeer: boolean };
}

type State = 'new' | 'awaits-hello' | 'awaits-auth' | 'awaits-ready' | 'over';

const encoder = new TextEncoder();

/**
 * Mutual authentication of two nodes of one cluster, as a machine without sockets, clock or chance:
 *
 *     dialler   hello                 auth
 *     acceptor         hello, auth          ready
 *
 * Each signs both hellos, its own role and a label, so a signature cannot be replayed, reflected, or moved to another
 * lane, link, role, cluster or life of a node. A side that refuses says why in a reject frame. The acceptor shows its
 * own hello only to a dialler it would accept.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  #state: State = 'new';
  #ownHello: Uint8Array;
  #peerHello: Uint8Array = new Uint8Array(0);
  #peer: Hello | undefined;
  #wireVersion = 0;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#ownHello = encoder.encode(canonicalJson(options.own));
  }

  /** The first step: a dialler speaks, an acceptor listens. */
  start(): HandshakeStep {
    assert(this.#state === 'new', 'a handshake starts once');
    this.#state = 'awaits-hello';
    return this.#options.role === 'dialler'
      ? { send: [this.#frame(FRAME.hello, this.#ownHello)] }
      : { send: [] };
  }

  /** Takes one frame of the peer. Never throws on what a peer can send. */
  receive(frame: Uint8Array): HandshakeStep {
    assert(this.#state !== 'new' && this.#state !== 'over', 'a handshake that runs takes frames');
    try {
      const { kind } = readFrameHeader(frame, HANDSHAKE_FRAME_BYTES_MAX);
      return this.#take(kind, frame.subarray(FRAME_HEADER_BYTES));
    } catch (thrown) {
      if (isTuttiError(thrown)) return this.#refuse(thrown);
      throw thrown;
    }
  }

  #take(kind: FrameKind, body: Uint8Array): HandshakeStep {
    if (kind === FRAME.reject) return this.#rejected(body);
    if (kind === FRAME.hello && this.#state === 'awaits-hello') return this.#hello(body);
    if (kind === FRAME.auth && this.#state === 'awaits-auth') return this.#auth(body);
    if (kind === FRAME.ready && this.#state === 'awaits-ready') return this.#established();
    throw new TuttiError('TUTTI_FRAME_MALFORMED', {
      problem: `kind ${kind} does not fit a handshake that ${this.#state}`,
    });
  }

  #hello(body: Uint8Array): HandshakeStep {
    const { own, role, expected, knowledge } = this.#options;
    const peer = readHello(body);
    const verdict = judgeHello(own, peer, knowledge(peer.nodeId), expected);
    if (typeof verdict !== 'number') return this.#refuse(verdict);
    this.#peer = peer;
    this.#peerHello = body.slice();
    this.#wireVersion = verdict;
    this.#state = 'awaits-auth';
    if (role === 'dialler') return { send: [] };
    this.#ownHello = encoder.encode(canonicalJson({ ...own, lane: peer.lane, link: peer.link }));
    return { send: [this.#frame(FRAME.hello, this.#ownHello), this.#signed()] };
  }

  #auth(body: Uint8Array): HandshakeStep {
    const peer = this.#peer!;
    const { role, own } = this.#options;
    const message = this.#transcript(role === 'dialler' ? 'acceptor' : 'dialler');
    const isSigned = body.length === SIGNATURE_BYTES && this.#options.verify(peer.publicKey, message, body);
    if (!isSigned) {
      const details = { nodeId: peer.nodeId, theirs: peer.publicKey, ours: own.nodeId };
      return this.#refuse(new TuttiError('TUTTI_PEER_BAD_SIGNATURE', details));
    }
    if (role === 'acceptor') return { ...this.#established(), send: [this.#frame(FRAME.ready)] };
    const isForThisLink = peer.lane === own.lane && peer.link === own.link;
    if (!isForThisLink) {
      throw new TuttiError('TUTTI_FRAME_MALFORMED', { problem: 'the hello answers another connection' });
    }
    this.#state = 'awaits-ready';
    return { send: [this.#signed()] };
  }

  #established(): HandshakeStep {
    this.#state = 'over';
    const { nodeId, incarnation, lane, link } = this.#peer!;
    const result = { peer: { nodeId, incarnation }, wireVersion: this.#wireVersion, lane, link };
    return { send: [], outcome: { kind: 'established', result } };
  }

  #refuse(error: TuttiError): HandshakeStep {
    this.#state = 'over';
    return { send: [rejectFrame(error)], outcome: { kind: 'refused', error, byPeer: false } };
  }

  #rejected(body: Uint8Array): HandshakeStep {
    this.#state = 'over';
    return { send: [], outcome: { kind: 'refused', error: readReject(body), byPeer: true } };
  }

  #signed(): Uint8Array {
    return this.#frame(FRAME.auth, this.#options.sign(this.#transcript(this.#options.role)));
  }

  /** What is signed: the label, who signs, and both hellos in the order dialler, acceptor, each with its length. */
  #transcript(signerRole: 'dialler' | 'acceptor'): Uint8Array {
    const isDialler = this.#options.role === 'dialler';
    const first = isDialler ? this.#ownHello : this.#peerHello;
    const second = isDialler ? this.#peerHello : this.#ownHello;
    const label = encoder.encode(`tutti handshake 1 ${signerRole} ${first.length} ${second.length}\n`);
    const transcript = new Uint8Array(label.length + first.length + second.length);
    transcript.set(label);
    transcript.set(first, label.length);
    transcript.set(second, label.length + first.length);
    return transcript;
  }

  #frame(kind: FrameKind, body?: Uint8Array): Uint8Array {
    return frameOf(HANDSHAKE_VERSION, kind, body);
  }
}

/** Tells the peer why it is turned away. */
export function rejectFrame(error: TuttiError): Uint8Array {
  const body = encoder.encode(JSON.stringify({ code: error.code, details: error.details }));
  const fits = body.length + FRAME_HEADER_BYTES <= HANDSHAKE_FRAME_BYTES_MAX;
  return frameOf(
    HANDSHAKE_VERSION,
    FRAME.reject,
    fits ? body : encoder.encode(JSON.stringify({ code: error.code })),
  );
}

/** The error in a reject frame, or another one if it holds none. */
export function readReject(body: Uint8Array): TuttiError {
  try {
    const { code, details } = readObject(body, 'the reject');
    const facts = typeof details === 'object' && details !== null ? (details as ErrorDetails) : {};
    return TuttiError.fromJSON({ code: String(code), details: facts });
  } catch (thrown) {
    if (isTuttiError(thrown)) return thrown;
    throw thrown;
  }
}

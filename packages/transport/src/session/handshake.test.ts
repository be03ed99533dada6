import { clusterId, incarnation, nodeId, type TuttiError } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateKeyPair, type KeyPair, signer, verifySignature } from '../auth/key-pair.ts';
import { FRAME, frameOf } from '../codec/frame.ts';
import {
  Handshake,
  type HandshakeOptions,
  type HandshakeStep,
  readReject,
  rejectFrame,
} from './handshake.ts';
import type { Hello } from './hello.ts';

const keys = { a: generateKeyPair(), b: generateKeyPair() };
const hex = (digit: string) => digit.repeat(64);

function hello(id: 'a' | 'b', changes: Partial<Hello> = {}): Hello {
  return {
    clusterId: clusterId('c'),
    nodeId: nodeId(id),
    incarnation: incarnation(3),
    wireVersions: { min: 1, max: 2 },
    publicKey: keys[id].publicKey,
    nonce: hex(id),
    lane: 'control',
    link: hex('1'),
    ...changes,
  };
}

function side(id: 'a' | 'b', changes: Partial<HandshakeOptions> = {}, secret: KeyPair = keys[id]): Handshake {
  const peer = id === 'a' ? 'b' : 'a';
  return new Handshake({
    role: id === 'a' ? 'dialler' : 'acceptor',
    own: hello(id),
    ...(id === 'a' && { expected: nodeId(peer) }),
    knowledge: (of) => ({
      publicKey: of === peer ? keys[peer].publicKey : undefined,
      incarnation: undefined,
    }),
    sign: signer(secret),
    verify: verifySignature,
    ...changes,
  });
}

type Outcome = NonNullable<HandshakeStep['outcome']>;

/** Carries frames to and fro until both have an outcome; `tamper` may change each frame on its way. */
function run(
  a: Handshake,
  b: Handshake,
  tamper = (frame: Uint8Array) => frame,
): { a?: Outcome; b?: Outcome } {
  const outcomes: { a?: Outcome; b?: Outcome } = {};
  const wire: { to: 'a' | 'b'; frame: Uint8Array }[] = [];
  const take = (from: 'a' | 'b', step: HandshakeStep) => {
    for (const frame of step.send) wire.push({ to: from === 'a' ? 'b' : 'a', frame: tamper(frame) });
    if (step.outcome) outcomes[from] = step.outcome;
  };
  take('b', b.start());
  take('a', a.start());
  for (let next = wire.shift(); next; next = wire.shift()) {
    if (outcomes[next.to] === undefined) take(next.to, (next.to === 'a' ? a : b).receive(next.frame));
  }
  return outcomes;
}

function codes(outcomes: { a?: Outcome; b?: Outcome }): (string | undefined)[] {
  return [outcomes.a, outcomes.b].map((o) =>
    o?.kind === 'refused' ? `${o.error.code}${o.byPeer ? ' by peer' : ''}` : o?.kind,
  );
}

describe('the handshake', () => {
  it('ends with both knowing each other, the highest common version, the lane and the link', () => {
    const outcomes = run(
      side('a', { own: hello('a', { lane: 'bulk', wireVersions: { min: 2, max: 5 } }) }),
      side('b'),
    );
    const common = { wireVersion: 2, lane: 'bulk', link: hex('1') };
    const result = (id: 'a' | 'b') => ({ peer: { nodeId: id, incarnation: 3 }, ...common });
    expect(outcomes.a).toEqual({ kind: 'established', result: result('b') });
    expect(outcomes.b).toEqual({ kind: 'established', result: result('a') });
  });

  it.each<[string, Partial<HandshakeOptions>, Partial<HandshakeOptions>, string]>([
    ['another cluster', { own: hello('a', { clusterId: clusterId('d') }) }, {}, 'TUTTI_PEER_WRONG_CLUSTER'],
    ['another key', { own: hello('a', { publicKey: hex('7') }) }, {}, 'TUTTI_PEER_KEY_MISMATCH'],
    [
      'no common version',
      { own: hello('a', { wireVersions: { min: 3, max: 4 } }) },
      {},
      'TUTTI_PEER_WIRE_VERSION',
    ],
    ['an unknown node', { own: hello('a', { nodeId: nodeId('z') }) }, {}, 'TUTTI_PEER_UNKNOWN'],
    ['its own id', { own: hello('a', { nodeId: nodeId('b') }) }, {}, 'TUTTI_PEER_UNKNOWN'],
    [
      'an older life',
      {},
      { knowledge: () => ({ publicKey: keys.a.publicKey, incarnation: incarnation(4) }) },
      'TUTTI_PEER_STALE',
    ],
  ])('is refused to a dialler with %s, and the dialler is told', (_, ofA, ofB, code) => {
    expect(codes(run(side('a', ofA), side('b', ofB)))).toEqual([`${code} by peer`, code]);
  });

  it('names the values of both sides in a refusal', () => {
    const outcomes = run(side('a', { own: hello('a', { clusterId: clusterId('d') }) }), side('b'));
    expect((outcomes.a as { error: TuttiError }).error.message).toBe(
      'Node "a" belongs to cluster "d", and this node to "c"',
    );
  });

  it('is refused to whoever does not hold the secret key, whichever side that is', () => {
    expect(codes(run(side('a', {}, keys.b), side('b')))).toEqual([
      'TUTTI_PEER_BAD_SIGNATURE by peer',
      'TUTTI_PEER_BAD_SIGNATURE',
    ]);
    expect(codes(run(side('a'), side('b', {}, keys.a)))[0]).toBe('TUTTI_PEER_BAD_SIGNATURE');
  });

  it('is refused when the address leads to another node than was meant', () => {
    const outcomes = run(side('a', { expected: nodeId('q') }), side('b'));
    expect(codes(outcomes)).toEqual(['TUTTI_PEER_UNKNOWN', 'TUTTI_PEER_UNKNOWN by peer']);
  });

  it('gains nothing from a recording: an old signature does not fit a new nonce', () => {
    const recorded: Uint8Array[] = [];
    run(side('a'), side('b'), (frame) => {
      recorded.push(frame);
      return frame;
    });
    const [helloOfA, , , authOfA] = recorded;
    const b = side('b', { own: hello('b', { nonce: hex('e') }) });
    b.start();
    b.receive(helloOfA!);
    const { outcome } = b.receive(authOfA!);
    expect(outcome?.kind === 'refused' && outcome.error.code).toBe('TUTTI_PEER_BAD_SIGNATURE');
  });

  it('never ends well after any bit of it was changed on the way', () => {
    fc.assert(
      fc.property(fc.nat(3), fc.nat(), fc.nat(7), (which, at, bit) => {
        let count = 0;
        const outcomes = run(side('a'), side('b'), (frame) => {
          if (count++ !== which) return frame;
          const changed = frame.slice();
          changed[at % frame.length]! ^= 1 << bit;
          return changed;
        });
        const both = outcomes.a?.kind === 'established' && outcomes.b?.kind === 'established';
        // Only the version byte of a handshake frame means nothing and is not covered by a signature.
        const isVersionByte = at % (sizes[which] ?? 0) === 2;
        expect(both).toBe(isVersionByte);
      }),
      { numRuns: 300 },
    );
  });

  it('answers any bytes with a coded refusal and nothing else', () => {
    const kinds = fc.constantFrom(...Object.values(FRAME));
    const framed = fc
      .tuple(kinds, fc.uint8Array({ maxLength: 300 }))
      .map(([kind, body]) => frameOf(0, kind, body));
    const json = fc.tuple(kinds, fc.json()).map(([kind, text]) => frameOf(0, kind, Buffer.from(text)));
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 5000 }), framed, json);
    fc.assert(
      fc.property(bytes, fc.boolean(), (frame, isDialler) => {
        const machine = isDialler ? side('a') : side('b');
        machine.start();
        const { outcome, send } = machine.receive(frame);
        expect(outcome?.kind === 'refused' && outcome.error.code).toMatch(/^TUTTI_/);
        expect(send.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 400 },
    );
  });

  it('reads a reject frame back as the same error, and bounds its size', () => {
    const error = readReject(rejectFrame(sample('x')).subarray(4));
    expect(error.toJSON()).toEqual(sample('x').toJSON());
    expect(rejectFrame(sample('y'.repeat(9_000))).length).toBeLessThan(100);
    expect(readReject(Buffer.from('{"code":"toString"}')).code).toBe('TUTTI_INTERNAL');
  });

  function sample(id: string): TuttiError {
    const outcomes = run(side('a', { own: hello('a', { clusterId: clusterId('d') }) }), side('b'));
    const { error } = outcomes.b as { error: TuttiError };
    Object.assign(error.details, { nodeId: id });
    return Object.assign(error, { message: error.message.replace('"a"', `"${id}"`) });
  }

  const sizes = (() => {
    const lengths: number[] = [];
    run(side('a'), side('b'), (frame) => {
      lengths.push(frame.length);
      return frame;
    });
    return lengths;
  })();
});

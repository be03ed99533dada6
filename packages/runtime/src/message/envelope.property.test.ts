import { jsonCodec } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventObject, setup } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { reply } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { Correspondent } from './correspondent.ts';
import {
  type Envelope,
  envelopeProblem,
  kindOf,
  MESSAGE_KINDS,
  readEnvelope,
  responseTo,
  URGENCIES,
} from './envelope.ts';

const text = fc.string({ minLength: 1, maxLength: 20 });
const count = fc.nat({ max: 2 ** 45 });
const envelope: fc.Arbitrary<Envelope> = fc
  .record({
    kind: fc.constantFrom(...MESSAGE_KINDS),
    id: text,
    from: text,
    to: text,
    correlation: text,
    causation: text,
    subject: text,
    urgency: fc.option(fc.constantFrom(...URGENCIES), { nil: undefined }),
    sentAt: count,
    deadline: count,
    revision: count,
    payload: fc.jsonValue(),
  })
  .map(({ kind, urgency, causation, deadline, revision, ...rest }) => ({
    type: `message.${kind}` as const,
    version: 1 as const,
    ...rest,
    ...(urgency ? { urgency } : {}),
    ...(kind === 'RESPONSE' ? { causation } : {}),
    ...(kind === 'REQUEST' ? { deadline } : {}),
    ...(kind === 'STATE_UPDATE' ? { revision } : {}),
  }));

describe('an envelope', () => {
  it('is the same after a trip over the wire, and its answer is one too', () => {
    fc.assert(
      fc.property(envelope, fc.jsonValue(), (sent, payload) => {
        const arrived = readEnvelope(jsonCodec.decode(jsonCodec.encode(sent)));
        expect(jsonCodec.encode(arrived)).toEqual(jsonCodec.encode(sent));
        expect(kindOf(arrived)).toBe(sent.type.slice('message.'.length));
        const response = responseTo(arrived, payload, { id: 'r', sentAt: 1 });
        expect(envelopeProblem(response)).toBeUndefined();
        expect(response).toMatchObject({
          from: sent.to,
          to: sent.from,
          causation: sent.id,
          correlation: sent.correlation,
        });
      }),
    );
  });

  it('with any field of another type, or none, is refused and never thrown about', () => {
    const odd = fc.constantFrom(undefined, null, '', -1, 1.5, Number.NaN, {}, [], true);
    const fields = fc.constantFrom('version', 'id', 'from', 'to', 'correlation', 'subject', 'sentAt');
    fc.assert(
      fc.property(envelope, fields, odd, (sent, field, value) => {
        expect(() => readEnvelope({ ...sent, [field]: value })).toThrow(/no message that can be handled/);
      }),
    );
    for (const raw of [
      undefined,
      null,
      'text',
      {},
      { type: 7 },
      { type: 'message.GOSSIP' },
      { type: 'message.' },
    ])
      expect(() => readEnvelope(raw)).toThrow(/no message that can be handled/);
  });
});

/** Answers requests, and keeps everything else. */
function partner(got: Envelope[], answer: (request: Envelope) => unknown) {
  return setup({}).createMachine({
    on: {
      'message.REQUEST': { actions: reply(({ event }) => answer(event as Envelope)) },
      'message.*': { actions: ({ event }) => void got.push(event as Envelope) },
    },
  });
}

describe('a correspondent', () => {
  it('keeps a conversation together: correlation from the first message, causation from the one before', async () => {
    const { system, until } = createTestSystem();
    const got: Envelope[] = [];
    const other: Ref = system.spawn(
      partner(got, (request) => theirs.respond(request, 'yes')),
      { id: 'other' },
    );
    const me: Ref = system.spawn(
      partner([], () => undefined),
      { id: 'me' },
    );
    const theirs = new Correspondent(system, other);
    const mine = new Correspondent(system, me);
    let answer: Envelope | undefined;
    void mine.request(other, 'may I', { n: 1 }).then((response) => (answer = response));
    await until(() => answer !== undefined);
    const news = mine.notify(other, 'I did', {}, { cause: answer! });
    mine.update(other, 'stock', 7, { tea: 3 }, { cause: news });
    mine.coordinate(other, 'ready', {}, { correlation: 'plan-1', urgency: 'critical' });
    await until(() => got.length === 3);
    expect(answer).toMatchObject({ from: other.address, to: me.address, payload: 'yes' });
    expect(got.map(kindOf)).toEqual(['NOTIFICATION', 'STATE_UPDATE', 'COORDINATION']);
    expect(got.map(({ correlation }) => correlation)).toEqual([
      answer!.correlation,
      answer!.correlation,
      'plan-1',
    ]);
    expect(got.map(({ causation }) => causation)).toEqual([answer!.id, news.id, undefined]);
    expect(got[1]).toMatchObject({ revision: 7 });
    expect(new Set([...got, answer!].map(({ id }) => id)).size).toBe(4);
  });

  it('refuses what is none before it goes, and an answer that answers something else', async () => {
    const { system, until } = createTestSystem();
    const other: Ref = system.spawn(
      partner([], () => ({ type: 'message.RESPONSE' })),
      { id: 'other' },
    );
    const mine = new Correspondent(system, other);
    expect(() => mine.notify(other, '', {})).toThrow(/subject/);
    expect(() => mine.update(other, 'stock', -1, {})).toThrow(/revision/);
    let code: unknown;
    mine.request(other, 'may I', {}).catch((error: { code: string }) => (code = error.code));
    await until(() => code !== undefined);
    expect(code).toBe('TUTTI_MESSAGE_INVALID');
  });
});

describe('what claims to be an envelope and comes from another node', () => {
  it('is a dead letter when its kind is unknown or its shape wrong, and harms nobody', async () => {
    const harness = new ClusterHarness(['n1', 'n2'], () => {});
    await harness.start();
    const got: Envelope[] = [];
    const actor = harness.node('n2').system.spawn(partner(got, () => 'answered'));
    const remote = harness.node('n1').system.ref(actor.address);
    const send = (event: object) => remote.send(event as EventObject);
    send({ type: 'message.GOSSIP', payload: 1 });
    send({ type: 'message.NOTIFICATION', version: 2 });
    const asked = remote.ask({ type: 'message.SOMETHING' }).catch((error: { code: string }) => error.code);
    new Correspondent(harness.node('n1').system, remote).notify(remote, 'fine', {});
    expect(await harness.settle(asked)).toBe('TUTTI_MESSAGE_INVALID');
    await harness.pass(50);
    expect(harness.node('n2').system.deadLetters.counts()['unknown-kind']).toBe(3);
    expect(got.map(({ subject }) => subject)).toEqual(['fine']);
  });

  it('is one too when it comes by a reliable channel, or by a topic', async () => {
    const harness = new ClusterHarness(['n1', 'n2'], () => {});
    await harness.start();
    const [one, two] = [harness.node('n1'), harness.node('n2')];
    const got: EventObject[] = [];
    const logic = setup({}).createMachine({ on: { '*': { actions: ({ event }) => void got.push(event) } } });
    const actor: Ref = two.system.spawn(logic);
    const channel = one.system.reliable(one.system.ref(actor.address));
    const unknown: EventObject = { type: 'message.GOSSIP' };
    const ends = [unknown, { type: 'plain' }].map((event) =>
      channel.send(event).then(
        () => 'confirmed',
        (error: { code: string }) => error.code,
      ),
    );
    expect(await harness.settle(Promise.all(ends))).toEqual(['TUTTI_MESSAGE_INVALID', 'confirmed']);
    two.cluster.topic('news').subscribe(actor);
    for (const event of [unknown, { type: 'fine' }]) one.cluster.topic('news').publish(event);
    await harness.pass(50);
    expect(got.map(({ type }) => type)).toEqual(['plain', 'fine']);
    expect(two.system.deadLetters.counts()['unknown-kind']).toBe(1);
    // An attempt of a channel is none; what the channel gives up is counted where it is.
    expect(one.system.deadLetters.counts().unconfirmed).toBe(1);
  });
});

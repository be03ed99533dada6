import { jsonCodec } from '@tutti/kernel';
import { Correspondent, type Envelope, type Ref, reply } from '@tutti/runtime';
import { createTestSystem } from '@tutti/runtime/testing';
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import {
  CROSS_ORCHESTRATOR_TYPES,
  type CrossOrchestratorMessage,
  crossOrchestratorMessage,
  messageIn,
  sendToOrchestrator,
} from './cross-orchestrator-message.ts';

const message = (
  payload: Partial<CrossOrchestratorMessage['payload']> = {},
  rest: Partial<CrossOrchestratorMessage> = {},
): CrossOrchestratorMessage => ({
  type: 'sync_request',
  from_orchestrator: 'frontend',
  to_orchestrator: 'backend',
  payload: {
    subject: 'the API',
    content: { paths: 3 },
    urgency: 'high',
    requires_response: false,
    ...payload,
  },
  correlation_id: 'c1',
  timestamp: 1_000,
  ...rest,
});

describe('a message between orchestrators', () => {
  it.each(CROSS_ORCHESTRATOR_TYPES)('of the type %s is taken, also after a trip over the wire', (type) => {
    const sent = message({ requires_response: true, timeout_seconds: 1.5 }, { type });
    expect(crossOrchestratorMessage(jsonCodec.decode(jsonCodec.encode(sent)))).toEqual(sent);
  });

  it.each([
    ['no object', 7],
    ['an unknown type', { ...message(), type: 'gossip' }],
    ['no sender', { ...message(), from_orchestrator: '' }],
    ['no time', message({}, { timestamp: Number.NaN })],
    ['an unknown urgency', { ...message(), payload: { ...message().payload, urgency: 'panic' } }],
    ['no subject', message({ subject: '' })],
    ['no content', { ...message(), payload: { subject: 's', urgency: 'low', requires_response: false } }],
    ['a wish for a response without end', message({ requires_response: true })],
    ['a time of nothing', message({ timeout_seconds: 0 })],
  ])('with %s is refused', (_, wrong) => {
    expect(() => crossOrchestratorMessage(wrong)).toThrow(/no message that can be handled/);
  });

  it('travels in an envelope of the same conversation, and is answered when it asks for that', async () => {
    const { system, until } = createTestSystem();
    const got: Envelope[] = [];
    const backend: Ref = system.spawn(
      setup({}).createMachine({
        on: {
          'message.COORDINATION': { actions: ({ event }) => void got.push(event as Envelope) },
          'message.REQUEST': {
            actions: reply(({ event }) => answering.respond(event as Envelope, { agreed: true })),
          },
        },
      }),
      { id: 'backend' },
    );
    const answering = new Correspondent(system, backend);
    const frontend: Ref = system.spawn(setup({}).createMachine({}), { id: 'frontend' });
    const correspondent = new Correspondent(system, frontend);
    expect(await sendToOrchestrator(correspondent, backend, message())).toBeUndefined();
    let response: Envelope | undefined;
    const asked = message({ requires_response: true, timeout_seconds: 2 });
    void sendToOrchestrator(correspondent, backend, asked).then((envelope) => (response = envelope));
    await until(() => response !== undefined);
    expect(messageIn(got[0]!)).toEqual(message());
    expect(got[0]).toMatchObject({ correlation: 'c1', urgency: 'high', subject: 'sync_request' });
    expect(response).toMatchObject({
      type: 'message.RESPONSE',
      correlation: 'c1',
      payload: { agreed: true },
    });
    await expect(sendToOrchestrator(correspondent, backend, message({ subject: '' }))).rejects.toMatchObject({
      code: 'TUTTI_MESSAGE_INVALID',
    });
  });

  it('in an envelope of another conversation, or of a kind that is for something else, is none', () => {
    const envelope: Envelope = {
      type: 'message.COORDINATION',
      version: 1,
      id: 'm1',
      from: 'a',
      to: 'b',
      correlation: 'another',
      subject: 's',
      sentAt: 1,
      payload: message(),
    };
    expect(() => messageIn(envelope)).toThrow(/another conversation/);
    expect(() => messageIn({ ...envelope, type: 'message.NOTIFICATION' })).toThrow(/do not send each other/);
  });
});

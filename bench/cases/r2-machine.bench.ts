import type { BenchCase } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'R2',
  title: 'Local send, XState machine logic, semantics unchanged',
  measures: 'messages per second from the first send to the last one handled',
  payload: 'one shared event object with a type and nothing else',
  durability: 'none',
  verification: 'the machine counts in its context; the count must equal what was sent',
  figures: [
    { id: 'rate', title: 'flat machine', unit: 'msg/s', better: 'higher' },
    { id: 'guarded', title: 'two states and a guard', unit: 'msg/s', better: 'higher' },
  ],
  targets: [
    { level: 'floor', figure: 'rate', value: 1.5, against: { subject: 'xstate' } },
    { level: 'aim', figure: 'rate', value: 3, against: { subject: 'xstate' } },
    { level: 'floor', figure: 'guarded', value: 1.5, against: { subject: 'xstate' } },
  ],
  limits: [
    limitOf(
      'rate',
      { own: ['tutti', 'rate'], xstate: ['xstate', 'rate'] },
      ({ own, xstate }) =>
        `A message takes ${eachNs(own)} here, from the send to the end of the step, and ${eachNs(xstate)} in XState, which takes the step on the sender’s stack. The profile says how much of ours is the step.`,
    ),
    limitOf(
      'guarded',
      { own: ['tutti', 'guarded'], xstate: ['xstate', 'guarded'] },
      ({ own, xstate }) =>
        `A message takes ${eachNs(own)} here, from the send to the end of the step, and ${eachNs(xstate)} in XState, which takes the step on the sender’s stack. The profile says how much of ours is the step.`,
    ),
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti cell',
      configuration: 'defaults, the machine as written',
      load: async () => (await import('../subjects/actors/tutti-actors.ts')).oneWayMachine,
    },
    {
      id: 'xstate',
      kind: 'peer',
      title: 'XState createActor',
      configuration: 'createActor(machine).start(), the same machine; a send runs on the sender’s stack',
      requires: { module: 'xstate' },
      load: async () => (await import('../subjects/actors/xstate-actors.ts')).oneWayMachine,
    },
  ],
  sizes: {
    quick: { warmUpMs: 150, durationMs: 300, batch: 2_000 },
    full: { warmUpMs: 500, durationMs: 1_500, batch: 2_000 },
  },
};

import { nodeId } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { type DetectorAction, FailureDetector } from './failure-detector.ts';

const TIMES = {
  probeIntervalMs: 100,
  silenceMs: 600,
  indirectMs: 300,
  linkDownGraceMs: 250,
  unreachableMs: 5_000,
};
const [A, B, C] = [nodeId('a'), nodeId('b'), nodeId('c')];

type Step =
  | { readonly at: number; readonly do: 'down' | 'up' | 'heard'; readonly node: typeof A }
  | { readonly at: number; readonly do: 'indirect'; readonly node: typeof A; readonly heardAt: number };

interface Run {
  /** When each node was first suspected. */
  readonly suspected: Record<string, number>;
  readonly actions: readonly DetectorAction[];
}

/** Ticks every 100 ms, except while `stall` lasts; B and C answer every probe unless they are silenced. */
function run(
  untilMs: number,
  steps: readonly Step[],
  silent: readonly string[] = ['a'],
  stall?: readonly [number, number],
): Run {
  const detector = new FailureDetector(TIMES);
  detector.follow([A, B, C], 0);
  const suspected: Record<string, number> = {};
  const all: DetectorAction[] = [];
  const take = (now: number, actions: readonly DetectorAction[]) => {
    for (const action of actions) {
      all.push(action);
      if (action.type === 'suspect') suspected[action.node] ??= now;
      if (action.type === 'probe' && !silent.includes(action.node))
        take(now, detector.heard(action.node, now));
    }
  };
  for (let now = 0; now <= untilMs; now += 10) {
    for (const step of steps.filter(({ at }) => at === now)) {
      if (step.do === 'down') take(now, detector.linkDown(step.node, now));
      if (step.do === 'up') take(now, detector.linkUp(step.node, now));
      if (step.do === 'heard') take(now, detector.heard(step.node, now));
      if (step.do === 'indirect') take(now, detector.heardIndirectly(step.node, step.heardAt));
    }
    if (stall && now > stall[0] && now < stall[1]) continue;
    if (now % 100 === 0 || now === stall?.[1]) take(now, detector.tick(now));
  }
  return { suspected, actions: all };
}

describe('the failure detector', () => {
  it.each<{
    title: string;
    until: number;
    steps: readonly Step[];
    silent?: readonly string[];
    suspected: Record<string, number>;
  }>([
    {
      title: 'suspects a node whose link broke and did not come back, right after the grace',
      until: 1_000,
      steps: [{ at: 50, do: 'down', node: A }],
      suspected: { a: 300 },
    },
    {
      title: 'does not suspect a node whose link came back within the grace',
      until: 2_000,
      steps: [
        { at: 50, do: 'down', node: A },
        { at: 200, do: 'up', node: A },
      ],
      silent: [],
      suspected: {},
    },
    {
      title: 'suspects a silent node only after others were asked and did not vouch for it',
      until: 2_000,
      steps: [],
      suspected: { a: 900 },
    },
    {
      title: 'does not suspect a silent node that others hear',
      until: 1_300,
      steps: [
        { at: 650, do: 'indirect', node: A, heardAt: 640 },
        { at: 950, do: 'indirect', node: A, heardAt: 940 },
        { at: 1_250, do: 'indirect', node: A, heardAt: 1_240 },
      ],
      suspected: {},
    },
    {
      title: 'gives no weight to what others heard before the link broke',
      until: 1_000,
      steps: [
        { at: 50, do: 'down', node: A },
        { at: 100, do: 'indirect', node: A, heardAt: 40 },
      ],
      suspected: { a: 300 },
    },
    {
      title: 'suspects a node without direct contact in the end, whatever others say',
      until: 6_000,
      steps: [
        { at: 50, do: 'down', node: A },
        ...Array.from(
          { length: 60 },
          (_, i) => ({ at: 100 * (i + 1), do: 'indirect', node: A, heardAt: 100 * (i + 1) }) as const,
        ),
      ],
      suspected: { a: 5_000 },
    },
  ])('$title', ({ until, steps, silent, suspected }) => {
    expect(run(until, steps, silent).suspected).toEqual(suspected);
  });

  it('accuses nobody because it was stalled itself', () => {
    // Nobody could be heard during the stall; the tick after it must not count that silence.
    expect(run(5_000, [], [], [1_000, 4_000]).suspected).toEqual({});
  });

  it('still suspects a node that died during a stall, as soon as one that died outside of it', () => {
    const { suspected } = run(6_000, [{ at: 2_000, do: 'down', node: A }], [], [1_000, 4_000]);
    expect(suspected['a']).toBeGreaterThan(4_000);
    expect(suspected['a']).toBeLessThanOrEqual(4_400);
  });

  it('accuses nobody while nobody answers that would have: then it is cut off itself', () => {
    const detector = new FailureDetector(TIMES, () => true);
    detector.follow([A, B, C], 0);
    for (let now = 0; now < TIMES.unreachableMs; now += 100)
      expect(detector.tick(now).some(({ type }) => type === 'suspect')).toBe(false);
    expect(detector.tick(TIMES.unreachableMs).filter(({ type }) => type === 'suspect')).toHaveLength(3);
  });

  it('suspects a silent node as soon as somebody has answered that hears nothing of it either', () => {
    const detector = new FailureDetector(TIMES, () => true);
    detector.follow([A, B, C], 0);
    let suspectedAt: number | undefined;
    for (let now = 0; now <= 2_000; now += 100) {
      for (const action of detector.tick(now)) {
        if (action.type === 'probe' && action.node !== A) detector.heard(action.node, now);
        if (action.type === 'ask') detector.helperAnswered(action.about);
        if (action.type === 'suspect') suspectedAt ??= now;
      }
    }
    expect(suspectedAt).toBe(900);
  });

  it('asks two others about a node, never the node itself or one that is suspected', () => {
    const { actions } = run(2_000, [{ at: 0, do: 'down', node: B }], ['a', 'b']);
    const asked = actions.filter((action) => action.type === 'ask' && action.about === A);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every((action) => action.type === 'ask' && action.helper === C)).toBe(true);
  });

  it('asks others the next time, so that some answer when those that were asked first are gone too', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => nodeId(name));
    const gone = names.slice(0, 3);
    const detector = new FailureDetector(TIMES, () => true);
    detector.follow(names, 0);
    const suspectedAt: Record<string, number> = {};
    for (let now = 0; now < TIMES.unreachableMs; now += 100)
      for (const action of detector.tick(now)) {
        if (action.type === 'probe' && !gone.includes(action.node)) detector.heard(action.node, now);
        if (action.type === 'ask' && !gone.includes(action.helper)) detector.helperAnswered(action.about);
        if (action.type === 'suspect') suspectedAt[action.node] ??= now;
      }
    expect(Object.keys(suspectedAt).sort()).toEqual(['a', 'b', 'c']);
    // One question more than it would take if the first helpers had been there.
    expect(Math.max(...Object.values(suspectedAt))).toBeLessThanOrEqual(
      TIMES.silenceMs + 2 * TIMES.indirectMs,
    );
  });

  it('trusts a suspected node again when it is heard', () => {
    const { actions } = run(1_500, [{ at: 1_200, do: 'heard', node: A }]);
    expect(
      actions.filter(({ type }) => type === 'suspect' || type === 'trust').map(({ type }) => type),
    ).toEqual(['suspect', 'trust']);
  });
});

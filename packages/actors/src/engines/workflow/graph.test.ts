import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  buildGraph,
  type Edges,
  findCycles,
  levelsOf,
  neighbours,
  reachableFrom,
  scheduleOf,
} from './graph.ts';

/** Edges between `size` nodes, in any direction: with cycles, doubles and self-needs. */
const anyEdges = fc.integer({ min: 1, max: 12 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    pairs: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 30 }),
  }),
);

function edgesOf(pairs: readonly (readonly [number, number])[]): Edges {
  return { nodes: pairs.map(([node]) => node), needs: pairs.map(([, need]) => need) };
}

/** The slow way: all that a node reaches, by closing the relation until nothing is added. */
function closure(size: number, pairs: readonly (readonly [number, number])[]): boolean[][] {
  const reach = Array.from({ length: size }, () => Array.from({ length: size }, () => false));
  for (const [node, need] of pairs) reach[node]![need] = true;
  for (let k = 0; k < size; k++)
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) if (reach[i]![k] && reach[k]![j]) reach[i]![j] = true;
  return reach;
}

test('a graph is cyclic exactly if some node reaches itself, and each cycle told is one', () => {
  fc.assert(
    fc.property(anyEdges, ({ size, pairs }) => {
      const graph = buildGraph(size, edgesOf(pairs));
      const reach = closure(size, pairs);
      const onCycle = reach.flatMap((row, node) => (row[node] ? [node] : []));
      expect(levelsOf(graph).cyclic).toBe(onCycle.length > 0);
      const cycles = findCycles(graph, 100);
      expect(cycles.length > 0).toBe(onCycle.length > 0);
      expect(new Set(cycles.flat()).size).toBe(cycles.flat().length);
      for (const cycle of cycles)
        cycle.forEach((node, at) => {
          expect([...neighbours(graph.needs, node)]).toContain(cycle[(at + 1) % cycle.length]);
        });
    }),
    { numRuns: 300 },
  );
});

test('levels and schedules of an acyclic graph are those of the definitions', () => {
  fc.assert(
    fc.property(
      anyEdges,
      fc.array(fc.nat(20), { minLength: 12, maxLength: 12 }),
      ({ size, pairs }, durations) => {
        const down = pairs.filter(([node, need]) => need < node);
        const graph = buildGraph(size, edgesOf(down));
        const { order, levels, cyclic } = levelsOf(graph);
        expect(cyclic).toBe(false);
        const place = new Map([...order].map((node, at) => [node, at]));
        const level: number[] = [];
        const end: number[] = [];
        for (let node = 0; node < size; node++) {
          const needs = down.filter(([from]) => from === node).map(([, need]) => need);
          level[node] = Math.max(-1, ...needs.map((need) => level[need]!)) + 1;
          end[node] = Math.max(0, ...needs.map((need) => end[need]!)) + durations[node]!;
          for (const need of needs) expect(place.get(need)!).toBeLessThan(place.get(node)!);
        }
        expect([...levels]).toEqual(level);
        const schedule = scheduleOf(graph, order, Float64Array.from(durations));
        expect(schedule.length).toBe(Math.max(...end));
        expect(schedule.path.reduce((sum, node) => sum + durations[node]!, 0)).toBe(schedule.length);
        for (const node of schedule.path) expect(schedule.slacks[node]).toBe(0);
        expect(Math.min(...schedule.slacks)).toBeGreaterThanOrEqual(0);
      },
    ),
    { numRuns: 300 },
  );
});

test('what is reachable is the transitive closure, in both directions', () => {
  fc.assert(
    fc.property(anyEdges, ({ size, pairs }) => {
      const graph = buildGraph(size, edgesOf(pairs));
      const reach = closure(size, pairs);
      for (let node = 0; node < size; node++) {
        const needs = reachableFrom(graph.needs, [node]);
        const dependants = reachableFrom(graph.dependants, [node]);
        for (let other = 0; other < size; other++) {
          expect(needs.has(other)).toBe(reach[node]![other]);
          expect(dependants.has(other)).toBe(reach[other]![node]);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('a chain of 100,000 nodes is levelled, and a circle as long is found, without running out of stack', () => {
  const size = 100_000;
  const nodes = Array.from({ length: size - 1 }, (_, at) => at + 1);
  const chain = buildGraph(size, { nodes, needs: nodes.map((node) => node - 1) });
  expect(levelsOf(chain).levels[size - 1]).toBe(size - 1);
  expect(reachableFrom(chain.needs, [size - 1]).size).toBe(size - 1);
  const circle = buildGraph(size, {
    nodes: [...nodes, 0],
    needs: [...nodes.map((node) => node - 1), size - 1],
  });
  expect(findCycles(circle, 2).map((cycle) => cycle.length)).toEqual([size]);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerAddress } from '@tutti/kernel';
import { createNode, type TuttiNode } from 'tutti';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fromTransition } from 'xstate';

const NAMES = ['n1', 'n2', 'n3'];
const sum = () => fromTransition((total: number, event: { type: 'add'; by: number }) => total + event.by, 0);

const placed = (node: TuttiNode) => node.replicated('sum', sum());

let folder: string;
let running: TuttiNode[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-wiped-'));
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop({ handOver: false })));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const optionsOf = (name: string) => ({
  name,
  dataDir: join(folder, name),
  listen: { port: 0 },
  voters: NAMES,
  orchestration: false,
});

/** Nodes that know of one another, and how far each has come in starting. */
function makeNodes(names: readonly string[], made: (node: TuttiNode) => void, hadLog = false) {
  const meeting = new Map(names.map((name) => [name, Promise.withResolvers<PeerAddress>()]));
  const nodes = names.map((name) => {
    const node = createNode({
      ...optionsOf(name),
      hadLog,
      peers: async (self) => {
        meeting.get(name)!.resolve(self);
        const all = await Promise.all([...meeting.values()].map(({ promise }) => promise));
        return all.filter(({ nodeId }) => nodeId !== name);
      },
    });
    made(node);
    running.push(node);
    return node;
  });
  return { nodes, started: nodes.map((node) => node.start()) };
}

const stop = async (node: TuttiNode) => {
  running = running.filter((other) => other !== node);
  await node.stop({ handOver: false });
};

/** What is deleted, and whether it takes somebody else to know that there was anything. */
const ways = [
  ['log', join('n2', 'log'), false],
  ['folder', 'n2', true],
] as const;

it.each(ways)(
  'a node whose %s was deleted elects nobody, and what it had acknowledged is not lost',
  async (_, deleted, hadLog) => {
    const shown = new Map<TuttiNode, number>();
    const refs = new Map<TuttiNode, ReturnType<typeof placed>>();
    const replicate = (node: TuttiNode) => {
      const ref = placed(node);
      refs.set(node, ref);
      ref.subscribe(({ context }) => void shown.set(node, context));
    };
    const first = makeNodes(NAMES, replicate);
    await Promise.all(first.started);
    const [one, two, three] = first.nodes;
    await stop(three!);
    // Acknowledged by n1 and n2; n3 has never heard of it.
    refs.get(one!)!.send({ type: 'add', by: 7 });
    await expect.poll(() => shown.get(one!), { timeout: 20_000 }).toBe(7);
    await stop(two!);
    await stop(one!);
    rmSync(join(folder, deleted), { recursive: true });

    const second = makeNodes(['n2', 'n3'], replicate, hadLog);
    const [wiped, behind] = second.nodes;
    const decided = () =>
      wiped!.group.status().role === 'repairing' || behind!.group.status().leader !== undefined;
    await expect.poll(decided, { timeout: 20_000 }).toBe(true);
    expect(behind!.group.status().leader).toBeUndefined();

    const peers = [wiped!.address!, behind!.address!];
    const third = createNode({ ...optionsOf('n1'), peers });
    running.push(third);
    replicate(third);
    const started = third.start();
    await expect.poll(() => third.address, { timeout: 20_000 }).toBeDefined();
    for (const node of second.nodes) node.meet([third.address!]);
    await Promise.all([started, ...second.started]);
    for (const node of running) await expect.poll(() => shown.get(node), { timeout: 20_000 }).toBe(7);
    expect(wiped!.group.stats().repairs).toBe(1);
  },
  90_000,
);

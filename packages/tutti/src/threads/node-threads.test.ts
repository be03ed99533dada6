import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { isTuttiError, type PeerAddress } from '@tutti/kernel';
import { type Ref, replying, type Terminated, threaded } from '@tutti/runtime';
import { type RefWorld, refSuite } from '@tutti/runtime/testing';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { EventObject } from 'xstate';
import { createNode, type NodeOptions, type TuttiNode } from '../node/create-node.ts';

const heavy = new URL('./fixtures/heavy.ts', import.meta.url);
/** By itself: a thread cannot import Vitest, as the suite does. */
const subject = new URL('../../../runtime/src/testing/ref-subject.ts', import.meta.url);

let nodes: TuttiNode[] = [];
/** One node for the whole suite, since a thread takes its time to begin. */
let suiteNode: Promise<TuttiNode> | undefined;
function shared(): Promise<TuttiNode> {
  const make = async () => {
    const node = createNode({ orchestration: false, threads: { size: 1 } });
    await node.start();
    return node;
  };
  return (suiteNode ??= make());
}
afterAll(async () => (await suiteNode)?.stop());
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop({ handOver: false })));
  nodes = [];
});

async function started(options: NodeOptions = {}): Promise<TuttiNode> {
  const node = createNode({ orchestration: false, ...options });
  nodes.push(node);
  await node.start();
  return node;
}

const place = (node: TuttiNode, rest: object = {}): Ref =>
  node.spawn(threaded(heavy, { export: 'heavy' }), rest) as Ref;
const add = (ref: Ref, n: number) => ref.send({ type: 'add', n } as EventObject);
const read = (ref: Ref) => ref.ask<readonly number[]>({ type: 'read' }, { timeoutMs: 30_000 });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => (isTuttiError(error) ? error.code : error),
  );
const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const counting = replying((n: number, _event, answer) => {
  answer(n);
  return n + 1;
}, 0);
const ending = (ref: Ref) => new Promise<Terminated>((resolve) => ref.watch(resolve));

refSuite(
  "an actor of one of Node's workers",
  async () => {
    const node = await shared();
    const spawn: RefWorld['spawn'] = (name, options) =>
      node.spawn(threaded(subject, { export: name }), options);
    const ref: Ref = node.spawn(threaded(subject, { export: 'refSubject' }));
    // What the suite waits for are moments of a clock that jumps; this one has to be waited for.
    await ref.ask({ type: 'echo', value: 0 } as EventObject, { timeoutMs: 30_000 });
    return {
      ref,
      spawn,
      holder: node.parts.system,
      settle: (promise) => promise,
      pass: (durationMs) =>
        new Promise((resolve) =>
          node.parts.system.clock.setTimer(Math.min(durationMs, 300), () => resolve()),
        ),
    };
  },
  { isSpawned: true },
);

describe('an actor that holds its thread', () => {
  it.each(['busy', 'sleep'])('(%s) does not hold the node', async (type) => {
    const node = await started({ threads: { size: 1 } });
    const until = new Int32Array(new SharedArrayBuffer(4));
    const ref = place(node);
    const light: Ref = node.spawn(counting);
    await read(ref);
    let isOver = false;
    const held = ref
      .ask({ type, until } as EventObject, { timeoutMs: 60_000 })
      .finally(() => (isOver = true));
    add(ref, 1);
    const late = read(ref);
    for (const n of oneTo(50)) expect(await light.ask({ type: 'next' })).toBe(n - 1);
    expect(isOver).toBe(false);
    Atomics.store(until, 0, 1);
    Atomics.notify(until, 0);
    expect(await held).toBe(type === 'busy' ? 'was busy' : 'slept');
    expect(await late).toEqual([1]);
  });

  it('for ever is taken for hung, and begins again on a new thread', async () => {
    const node = await started({ threads: { size: 1, hangMs: 2_000 } });
    const ref = place(node);
    await read(ref);
    const looping = codeOf(ref.ask({ type: 'loop' }, { timeoutMs: 60_000 }));
    expect(await looping).toBe('TUTTI_ACTOR_FAILED');
    expect(await read(ref)).toEqual([]);
    expect(node.parts.system.threads).toMatchObject([{ thread: 2, actors: 1 }]);
    expect(node.parts.system.deadLetters.counts()['thread-lost']).toBe(1);
  });
});

describe('a thread that its code ends', () => {
  it.each(['exit', 'uncaught'])('(%s) fails its actors, each watcher is told once', async (type) => {
    const node = await started({ threads: { size: 1 } });
    const [ref, other] = [place(node, { supervise: false }), place(node)];
    await Promise.all([read(ref), read(other)]);
    const notices: Terminated[] = [];
    ref.watch((notice) => notices.push(notice));
    ref.send({ type });
    const { reason, problem } = await ending(ref);
    expect(reason).toBe('failed');
    expect(problem).toMatch(type === 'exit' ? /exit code 3/ : /outside of any actor/);
    expect(await read(other)).toEqual([]);
    expect(notices).toHaveLength(1);
    expect(node.parts.system.threads).toMatchObject([{ thread: 2, actors: 1 }]);
  });

  it('is reached from another node until then, and watched there too', async () => {
    const everybody = Promise.withResolvers<PeerAddress[]>();
    const met: PeerAddress[] = [];
    const peers = async (self: PeerAddress) => {
      met.push(self);
      if (met.length === 2) everybody.resolve(met);
      return (await everybody.promise).filter(({ nodeId }) => nodeId !== self.nodeId);
    };
    const voters = ['n1', 'n2'];
    const [near, far] = await Promise.all(
      voters.map((name) => started({ name, listen: { port: 0 }, voters, peers, threads: { size: 1 } })),
    );
    const ref = place(near!, { id: 'heavy', supervise: { intensity: { restarts: 0, withinMs: 1_000 } } });
    const remote = far!.ref(ref.address);
    for (const n of oneTo(500)) add(remote, n);
    expect(await read(remote)).toEqual(oneTo(500));
    const notices: Terminated[] = [];
    remote.watch((notice) => notices.push(notice));
    const asked = codeOf(remote.ask({ type: 'exit' }, { timeoutMs: 30_000 }));
    expect((await ending(remote)).reason).toBe('failed');
    expect(await asked).toBe('TUTTI_ACTOR_FAILED');
    expect(await codeOf(read(remote))).toBe('TUTTI_ACTOR_UNKNOWN');
    expect(notices).toHaveLength(1);
  });
});

it('an actor whose module could not be imported begins when it can be, also in a thread that others are in', async () => {
  const folder = mkdtempSync(join(import.meta.dirname, '.module-'));
  try {
    const [module, needed] = [join(folder, 'late.ts'), join(folder, 'needed')];
    writeFileSync(
      module,
      `import { readFileSync } from 'node:fs';
import { replying } from '@tutti/runtime';
const text = readFileSync(${JSON.stringify(needed)}, 'utf8');
export const late = replying((state, event, answer) => (answer(text), state), undefined);
`,
    );
    const node = await started({ threads: { size: 1 } });
    const beside = place(node, { id: 'beside' });
    add(beside, 1);
    expect(await read(beside)).toEqual([1]);
    const backoff = { initialMs: 20, maxMs: 20 };
    const supervise = { intensity: { restarts: 10_000, withinMs: 1_000 }, backoff };
    const ref = node.spawn(threaded(pathToFileURL(module), { export: 'late' }), { supervise }) as Ref;
    const restarts = () => node.parts.system.tree().find(({ address }) => address === ref.address)!.restarts;
    while (restarts() < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    writeFileSync(needed, 'now it is there');
    expect(await ref.ask({ type: 'x' }, { timeoutMs: 30_000 })).toBe('now it is there');
    expect(await read(beside)).toEqual([1]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('a process ends by itself once its node has stopped, also when an actor still loops', async () => {
  const folder = mkdtempSync(join(import.meta.dirname, '.process-'));
  try {
    const script = join(folder, 'main.ts');
    writeFileSync(
      script,
      `import { createNode, threaded } from 'tutti';
const node = createNode({ threads: { size: 2 } });
await node.start();
const logic = threaded(${JSON.stringify(heavy.href)}, { export: 'heavy' });
const [idle, stuck] = [node.spawn(logic), node.spawn(logic, { supervise: { shutdownMs: 100 } })];
await idle.ask({ type: 'read' });
await stuck.ask({ type: 'read' });
stuck.send({ type: 'loop' });
await node.stop();
console.log(node.parts.system.threads.length);
`,
    );
    const args = ['--disable-warning=ExperimentalWarning', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, timeout: 50_000 });
    expect(stdout).toBe('0\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

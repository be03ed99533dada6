import { describe, expect, it } from 'vitest';
import { type AnyActorLogic, fromCallback, fromPromise, sendTo, setup } from 'xstate';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import type { EntityOptions } from './entity-options.ts';

const WORK_MS = 1_000;
type JobEvent = { type: 'work' | 'other' };

/** One node with jobs that are begun by a message and done by a child, which nobody waits for. */
class Jobs {
  readonly harness: ClusterHarness;
  /** How often the work was begun. */
  begun = 0;

  constructor(options: EntityOptions, child: (jobs: Jobs) => AnyActorLogic = (jobs) => jobs.promise()) {
    const job = setup({
      types: { events: {} as JobEvent },
      actors: { child: child(this) },
    }).createMachine({
      initial: 'idle',
      states: {
        idle: { on: { work: 'busy' } },
        busy: { invoke: { src: 'child', onDone: 'done' } },
        done: {},
      },
    });
    this.harness = new ClusterHarness(['n1'], (cluster) => void cluster.entity('job', job, options));
  }

  promise(): AnyActorLogic {
    return fromPromise(() => {
      this.begun++;
      return new Promise<void>((resolve) => this.harness.clock.setTimer(WORK_MS, resolve));
    });
  }

  send(key: string, type: JobEvent['type']): void {
    this.harness.node('n1').cluster.ref<JobEvent>('job', key).send({ type });
  }

  get awake(): number {
    return this.harness.node('n1').cluster.status().entities['job'] ?? 0;
  }

  /** The state that the log has last of an entity. */
  stateOf(key: string): unknown {
    let state: unknown;
    for (const { module, command } of this.harness.log.entries) {
      if (module !== 'entities') continue;
      const { entries } = JSON.parse(command) as { entries: { key: string; snapshot: { value: unknown } }[] };
      for (const entry of entries) if (entry.key === key) state = entry.snapshot.value;
    }
    return state;
  }
}

describe('an entity at work', () => {
  it('stays awake until its promise is settled, although nobody waits for that, and then sleeps', async () => {
    const jobs = new Jobs({ passivateAfterMs: 200 });
    await jobs.harness.start();
    jobs.send('a', 'work');
    await jobs.harness.pass(WORK_MS + 100);
    expect(jobs.stateOf('a')).toBe('done');
    expect(jobs.begun).toBe(1);
    await jobs.harness.until(() => jobs.awake === 0, 500);
  });

  it.each([
    ['as soon as it is sent for', false, 0],
    ['as soon as it is sent something', true, 0],
    ['while that is committed', true, 1],
  ])('is not put to sleep for others that are woken %s', async (_, isAwake, betweenMs) => {
    const jobs = new Jobs({ activeMax: 2 });
    await jobs.harness.start();
    if (isAwake) jobs.send('a', 'other');
    await jobs.harness.pass(100);
    jobs.send('a', 'work');
    for (let n = 0; n < 30; n++) {
      jobs.send(`other ${n}`, 'other');
      await jobs.harness.pass(betweenMs);
    }
    await jobs.harness.pass(WORK_MS + 100);
    expect(jobs.stateOf('a')).toBe('done');
    expect(jobs.begun).toBe(1);
  });

  it('goes when it is free, if there are too many, although nobody is sent anything any more', async () => {
    const jobs = new Jobs({ activeMax: 2 });
    await jobs.harness.start();
    for (let n = 0; n < 30; n++) jobs.send(`${n}`, n < 10 ? 'work' : 'other');
    await jobs.harness.pass(WORK_MS / 2);
    expect(jobs.awake).toBe(10);
    await jobs.harness.pass(WORK_MS);
    expect(jobs.awake).toBe(2);
    expect(jobs.begun).toBe(10);
  });

  it('stays awake for a promise of a machine inside it as well', async () => {
    const within = (jobs: Jobs) =>
      setup({ actors: { promise: jobs.promise() } }).createMachine({
        initial: 'busy',
        states: { busy: { invoke: { src: 'promise', onDone: 'over' } }, over: { type: 'final' } },
      });
    const jobs = new Jobs({ passivateAfterMs: 200 }, within);
    await jobs.harness.start();
    jobs.send('a', 'work');
    await jobs.harness.pass(WORK_MS + 100);
    expect(jobs.stateOf('a')).toBe('done');
    expect(jobs.begun).toBe(1);
  });

  it('that is a promise itself stays awake until that is settled', async () => {
    let settled = 0;
    const harness: ClusterHarness = new ClusterHarness(['n1'], (cluster) => {
      const work = fromPromise(async ({ signal }) => {
        await new Promise<void>((resolve) => harness.clock.setTimer(WORK_MS, resolve));
        if (!signal.aborted) settled++;
      });
      cluster.entity('job', work, { passivateAfterMs: 200 });
    });
    await harness.start();
    harness.node('n1').cluster.ref('job', 'a').send({ type: 'begin' });
    await harness.pass(WORK_MS + 100);
    expect(settled).toBe(1);
  });

  it('is one with a callback only while that has something to say: it may be there for life', async () => {
    const echo = fromCallback(({ sendBack, receive }) => receive(() => sendBack({ type: 'heard' })));
    let heard = 0;
    const listener = setup({
      types: { events: {} as { type: 'say' | 'heard' } },
      actors: { echo },
    }).createMachine({
      invoke: { src: 'echo', id: 'echo' },
      on: {
        say: { actions: sendTo('echo', { type: 'say' }) },
        heard: { actions: () => heard++ },
      },
    });
    const harness = new ClusterHarness(['n1'], (cluster) => {
      cluster.entity('listener', listener, { passivateAfterMs: 200 });
    });
    await harness.start();
    const { cluster } = harness.node('n1');
    cluster.ref<{ type: 'say' }>('listener', 'a').send({ type: 'say' });
    await harness.until(() => heard === 1);
    await harness.until(() => cluster.status().entities['listener'] === undefined, 1_000);
  });
});

import { reply } from 'tutti';
import type { TestNode, TestNodeSetup } from 'tutti/testing';
import { assign, enqueueActions, setup } from 'xstate';
import { insist, throughEach, type Use, type Workload } from './workload.ts';

type BellEvent =
  | { readonly type: 'set'; readonly alarm: number; readonly inMs: number }
  | { readonly type: 'ring'; readonly alarm: number }
  | { readonly type: 'show' };

interface Alarm {
  readonly key: string;
  /** By the time of the world. */
  readonly askedAt: number;
  readonly inMs: number;
  isSet: boolean;
}

const KEYS = 3;
const EVERY_MS = 150;
/** The longest outlasts the trouble, and most owners. */
const DELAYS_MS = [20, 300, 1_500, 5_000];
/** Clocks go at different speeds, by a fiftieth at most, and are read in whole milliseconds. */
const EARLY_SHARE = 0.05;
const EARLY_MS = 2;
/** How much later than it is due an alarm may ring when all is well. */
const LATE_MS = 5_000;

/** Durable entities that ring by themselves, some time after they were told: whoever owns them then. */
export class Timers implements Workload {
  readonly #alarms: Alarm[] = [];
  #now: () => number = () => 0;

  declare(node: TestNodeSetup): void {
    const now = (): number => Math.round(this.#now());
    const bell = setup({
      types: {
        context: {} as { rung: readonly (readonly [alarm: number, at: number])[] },
        events: {} as BellEvent,
      },
    }).createMachine({
      context: { rung: [] },
      on: {
        set: {
          actions: [
            enqueueActions(({ enqueue, event: { alarm, inMs } }) => {
              enqueue.raise({ type: 'ring', alarm }, { id: `alarm ${alarm}`, delay: inMs });
            }),
            reply('set'),
          ],
        },
        ring: {
          // The time stands in what is committed, so that it is that of the turn which counts.
          actions: assign({ rung: ({ context, event }) => [...context.rung, [event.alarm, now()] as const] }),
        },
        show: { actions: reply(({ context }) => context.rung) },
      },
    });
    node.entity('bell', bell, { passivateAfterMs: 100 });
  }

  async work(use: Use): Promise<void> {
    this.#now = () => use.cluster.now();
    await throughEach(use, EVERY_MS, (node) => this.#set(use, node));
  }

  #set({ cluster, random }: Use, node: TestNode): void {
    const key = `b${random.integer(1, KEYS)}`;
    const inMs = random.pick(DELAYS_MS);
    const alarm: Alarm = { key, askedAt: cluster.now(), inMs, isSet: false };
    const number = this.#alarms.push(alarm);
    node
      .ref<BellEvent>('bell', key)
      .ask({ type: 'set', alarm: number, inMs })
      .then(
        () => (alarm.isSet = true),
        () => {},
      );
  }

  /** Nobody says a word to them until all must have rung: a message would wake them, and they would ring then. */
  async check(use: Use): Promise<void> {
    const { cluster } = use;
    const lastDue = Math.max(0, ...this.#alarms.map(({ askedAt, inMs }) => askedAt + inMs));
    const quietUntil = Math.max(cluster.now(), lastDue) + LATE_MS;
    await cluster.sleep(quietUntil - cluster.now());
    for (let number = 1; number <= KEYS; number++) {
      const key = `b${number}`;
      const rung = await insist<[number, number][]>(
        use,
        cluster.nodes[0]!,
        ['bell', key],
        { type: 'show' },
        LATE_MS,
      );
      this.#judge(use, key, rung, quietUntil);
    }
  }

  #judge({ oracle }: Use, key: string, rung: readonly [number, number][], quietUntil: number): void {
    const broken = (problem: string): void =>
      oracle.breaks('a durable timer fires once, in its time', problem);
    const times = new Map<number, number>();
    for (const [number, at] of rung) {
      const { askedAt, inMs } = this.#alarms[number - 1]!;
      oracle.counts.alarms++;
      if (times.has(number)) broken(`alarm ${number} of ${key} rang twice`);
      times.set(number, at);
      const earliest = askedAt + inMs * (1 - EARLY_SHARE) - EARLY_MS;
      if (at < earliest) broken(`alarm ${number} of ${key} rang at ${at}, and not before ${earliest} it may`);
      if (at > quietUntil) broken(`alarm ${number} of ${key} rang only when somebody asked for it`);
    }
    this.#alarms.forEach((alarm, at) => {
      if (alarm.key === key && alarm.isSet && !times.has(at + 1))
        broken(`alarm ${at + 1} of ${key} never rang`);
    });
  }
}

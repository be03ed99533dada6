import { type ActorLogic, type EventObject, type Snapshot } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import type { ChildPolicy } from '../supervision/policy.ts';
import { type ChildSpec, type SupervisorOptions, supervisor } from '../supervision/supervisor.ts';
import { createTestSystem, type TestSystem } from './test-system.ts';

/** What goes wrong with a child. */
export interface Trouble {
  /** Whether its n-th start fails, counted from 1. */
  readonly failsToStart?: (times: number) => boolean;
}

const stateOf = (status: 'active' | 'done' | 'stopped'): Snapshot<unknown> => ({
  status: status as 'active',
  output: undefined,
  error: undefined,
});

/** An actor that ends the way it is told to (`normal`, `shutdown`, `abnormal`), and notes its starts, its work and its end. */
export function noting(
  log: string[],
  name: string,
  { failsToStart = () => false }: Trouble = {},
): ActorLogic<Snapshot<unknown>, EventObject> {
  let starts = 0;
  return {
    getInitialSnapshot: () => {
      const fails = failsToStart(++starts);
      log.push(fails ? `${name} cannot start` : `${name} starts`);
      if (fails) throw new Error(`${name} cannot start`);
      return stateOf('active');
    },
    transition: (snapshot, { type }) => {
      if (type === 'abnormal') throw new Error(`${name} crashed`);
      if (type === 'normal') return stateOf('done');
      if (type === 'shutdown') return stateOf('stopped');
      log.push(type === 'xstate.stop' ? `${name} ends` : `${name} ${type}`);
      return snapshot;
    },
    getPersistedSnapshot: (snapshot) => snapshot,
  };
}

export type Members = Readonly<Record<string, ChildPolicy & Trouble>>;

/** Three permanent children. */
export const TRIO = {
  a: { restart: 'permanent' },
  b: { restart: 'permanent' },
  c: { restart: 'permanent' },
} as const satisfies Members;

export interface FamilyOptions extends Omit<SupervisorOptions, 'children'> {
  /** By name, in their order; {@link TRIO} by default. */
  readonly members?: Members;
  /** How the guardian looks after the supervisor; by default not at all. */
  readonly above?: ChildPolicy | false;
}

/** A supervisor on virtual time with children that do as they are told. */
export interface Family extends TestSystem {
  readonly top: Ref;
  /** How the supervisor ended. */
  readonly ends: readonly string[];
  readonly log: string[];
  readonly member: (id: string) => Ref;
  /** Sends a child one event, and lets everything happen that needs no time. */
  readonly tell: (id: string, type: string) => void;
  /** What happened since the last look. */
  readonly news: () => string;
  /** The names of the children that are running, in their order. */
  readonly alive: () => string;
}

/** Makes a {@link Family}, and starts it. */
export function family({ members = TRIO, above = false, ...options }: FamilyOptions = {}): Family {
  const world = createTestSystem();
  const log: string[] = [];
  const children = Object.entries<ChildPolicy & Trouble>(members).map(
    ([id, { failsToStart, ...policy }]): ChildSpec => {
      return { id, logic: noting(log, id, failsToStart ? { failsToStart } : {}), policy };
    },
  );
  const top: Ref = world.system.spawn(supervisor({ ...options, children }), { id: 'top', supervise: above });
  const ends: string[] = [];
  top.watch(({ reason }) => ends.push(reason));
  world.advance();
  const member = (id: string): Ref => world.system.ref(`local:test/1/top/${id}`);
  return {
    ...world,
    top,
    ends,
    log,
    member,
    tell: (id, type) => {
      member(id).send({ type });
      world.advance();
    },
    news: () => log.splice(0).join(', '),
    alive: () =>
      (world.system.tree()[0]?.children ?? [])
        .filter(({ state }) => state === 'running')
        .map(({ path }) => path.slice('top/'.length))
        .join(''),
  };
}

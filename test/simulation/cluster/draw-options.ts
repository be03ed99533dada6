import { type Random, seededRandom } from '@tutti/kernel';
import { FAULT_KINDS, type Fault, type FaultKind } from 'tutti/testing';
import { WORKLOADS, type WorkloadName } from './workloads/workload.ts';

/** Everything that a run of the whole cluster is made of, besides chance. */
export interface ClusterSimOptions {
  readonly nodes: number;
  /**
   * Whether nodes only come and go in order: then nobody may notice. No ask fails, and what one sender sends to one
   * key arrives in its order.
   */
  readonly calm: boolean;
  readonly durationMs: number;
  /** How long clients go on; by default as long as there is trouble. */
  readonly workMs?: number;
  readonly faultEveryMs: number;
  readonly faults: readonly FaultKind[];
  /** The faults, where they are not drawn. */
  readonly schedule?: readonly Fault[];
  readonly disks: 'model' | 'files';
  readonly diskMs: number;
  readonly latencyMaxMs: number;
  readonly clockSkewMs: number;
  readonly clockDrift: number;
  readonly shards: number;
  readonly leaseMs: number;
  /** 0 for never. */
  readonly passivateAfterMs: number;
  /** Of each kind, on one node: one more that is asked for puts another to sleep in the middle of what it does. 0 for any number. */
  readonly activeMax: number;
  readonly snapshotEntries: number;
  /** Of each kind of entity. */
  readonly keys: number;
  /** Between two deeds of one node's clients. */
  readonly thinkMeanMs: number;
  /** What the cluster is used for besides its clients. */
  readonly workloads: readonly WorkloadName[];
}

/** Chance for one option. Each has a stream of its own, so that an option added later shifts none of the others. */
type Draw = (option: string) => Random;

/**
 * Draws a run: each seed has its own mix of troubles, sizes and times.
 * @param calm Whether the weather is calm, where that is not drawn too.
 */
export function drawClusterOptions(seed: number, calm?: boolean): ClusterSimOptions {
  const draw: Draw = (option) => seededRandom(seed).fork(`cluster/${option}`);
  const weather = drawWeather(draw);
  return (calm ?? draw('season').chance(0.2)) ? becalmed(draw, seed, weather) : weather;
}

function drawWeather(draw: Draw): ClusterSimOptions {
  return {
    nodes: draw('nodes').pick([3, 3, 3, 5]),
    calm: false,
    durationMs: draw('durationMs').pick([2_500, 5_000]),
    faultEveryMs: draw('faultEveryMs').pick([250, 600, 1_500]),
    faults: FAULT_KINDS.filter((kind) => draw(`fault/${kind}`).chance(0.6)),
    disks: draw('disks').pick(['model', 'model', 'model', 'model', 'model', 'model', 'files']),
    diskMs: draw('diskMs').pick([0.2, 1, 5]),
    latencyMaxMs: draw('latencyMaxMs').pick([1, 3, 10]),
    clockSkewMs: draw('clockSkewMs').pick([0, 60_000]),
    clockDrift: draw('clockDrift').pick([0, 0, 0.02]),
    shards: draw('shards').pick([3, 8, 16]),
    leaseMs: draw('leaseMs').pick([300, 300, 1_500]),
    passivateAfterMs: draw('passivateAfterMs').pick([0, 0, 150]),
    activeMax: draw('activeMax').pick([0, 0, 1, 3]),
    snapshotEntries: draw('snapshotEntries').pick([30, 200, 10_000]),
    keys: draw('keys').pick([1, 3, 6]),
    thinkMeanMs: draw('thinkMeanMs').pick([20, 50, 120]),
    workloads: WORKLOADS.filter((name) => draw(`workload/${name}`).chance(0.4)),
  };
}

const STOP_EVERY_MS = 3_500;
const STOPPED_MS = 2_000;

/** Nodes are stopped and started one after another, as in an upgrade. */
function becalmed(draw: Draw, seed: number, weather: ClusterSimOptions): ClusterSimOptions {
  const random = seededRandom(seed).fork('cluster/calm');
  const schedule = Array.from({ length: random.integer(2, 3) }, (_, turn): Fault => {
    const at = 300 + turn * STOP_EVERY_MS + random.integer(0, 500);
    return { at, kind: 'stop', on: [`n${random.integer(1, weather.nodes)}`], for: STOPPED_MS };
  });
  return {
    ...weather,
    calm: true,
    schedule,
    durationMs: schedule.at(-1)!.at + STOP_EVERY_MS,
    diskMs: 0.2,
    latencyMaxMs: draw('calm/latencyMaxMs').pick([1, 3]),
  };
}

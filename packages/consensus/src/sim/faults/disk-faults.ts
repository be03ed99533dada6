import type { FaultKind } from './fault-kind.ts';

export const slowDisk: FaultKind = {
  name: 'slow disk',
  fair: 0.4,
  storm: 0.3,
  begin(world) {
    const { disk, id } = world.victim();
    world.note('slow disk', id);
    disk.slowness = world.random.pick([10, 100, 1_000]);
    world.later(world.outageMs(), () => disk.heal());
  },
};

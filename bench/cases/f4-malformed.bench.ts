import type { BenchCase } from '../harness/case.ts';

export const bench: BenchCase = {
  id: 'F4',
  title: 'Malformed frames against codec and port',
  measures:
    'damaged frames that could not be whole and were not refused, strangers at the port that were not counted once each, and what the frames leave in memory',
  payload:
    'a frame of two messages that is cut, has bits flipped, claims false lengths, holds bombs of 4 GiB or of depth, or is noise',
  durability: 'none',
  verification:
    'a frame with a false length or a bomb of 4 GiB must be refused; each lot of 32 strangers must move the port’s counters by 32; anything thrown that has no code would end the sample',
  figures: [
    { id: 'uncounted', title: 'not refused, or not counted once', unit: 'frames', better: 'lower' },
    { id: 'growth', title: 'heap after the first tenth', unit: 'MB', better: 'lower' },
    { id: 'rate', title: 'judged by the codec', unit: 'frames/s', better: 'higher' },
    { id: 'sockets', title: 'strangers turned away at the port', unit: '/s', better: 'higher' },
  ],
  targets: [
    {
      level: 'floor',
      figure: 'uncounted',
      value: 0,
      noLimit:
        'a frame that is taken though it cannot be whole, and a stranger who is not counted once, are faults, whatever the machine',
    },
    {
      level: 'floor',
      figure: 'growth',
      value: 5,
      noLimit: 'what refused frames leave behind is a leak, whatever the machine',
    },
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti’s transport',
      configuration: 'the codec in this process, then a transport with default limits on a loopback port',
      load: async () => (await import('../subjects/wire/malformed.ts')).malformedFrames,
    },
  ],
  sizes: {
    quick: { frames: 100_000, sockets: 200, seed: 1 },
    full: { frames: 1_000_000, sockets: 2_000, seed: 1 },
  },
  runs: { quick: 1, full: 5 },
};

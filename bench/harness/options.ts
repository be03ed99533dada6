import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly cases: readonly string[];
  readonly quick: boolean;
  readonly peers: boolean;
  readonly json: string | undefined;
  readonly report: string | undefined;
  readonly compare: string | undefined;
  readonly help: boolean;
}

export const USAGE = `npm run bench -- [CASE...] [options]

  CASE...          such as R1 C1 S2; without one, all of them
  --quick          small sizes and three samples each: everything in under ten minutes
  --no-peers       leave out what others have made
  --peers          run the peers that are installed; this is the default
  --json FILE      write every sample, figure and ratio
  --report FILE    write one self-contained page
  --compare REV    measure our side of this tree and of a git revision, interleaved; says what moved
`;

/** @throws Error for an option there is not, or `--compare` together with what it does not give */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      quick: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: true },
      json: { type: 'string' },
      report: { type: 'string' },
      compare: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.compare !== undefined && values.report !== undefined)
    throw new Error('--report draws one tree against its peers, --compare one against another: choose one');
  return {
    cases: positionals,
    quick: values.quick,
    peers: values.peers,
    json: values.json,
    report: values.report,
    compare: values.compare,
    help: values.help,
  };
}

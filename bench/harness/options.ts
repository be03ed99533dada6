import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { didYouMean } from '@tutti/actors';

export interface BenchOptions {
  /** Cases, groups, or `million`, as {@link selectCases} takes them. */
  readonly cases: readonly string[];
  readonly quick: boolean;
  readonly peers: boolean;
  readonly json: string | undefined;
  readonly report: string | undefined;
  readonly compare: string | undefined;
  /** Go on with the run that the JSON file holds: cases that are whole in it are not measured again. */
  readonly resume: boolean;
  /** Measure the named cases again and put them in the place of those that the JSON file holds. */
  readonly again: boolean;
  /** How long F6 soaks, instead of what its sizes say. */
  readonly soakMinutes: number | undefined;
  /** Profile ours: by default in a full run. */
  readonly profile: boolean;
  /** A results file to write the page and the claims from, without measuring. */
  readonly from: string | undefined;
  /** Texts whose marked numbers are replaced by those of the results. */
  readonly claims: readonly string[];
  readonly list: boolean;
  readonly help: boolean;
}

export const USAGE = `npm run bench -- [CASE|GROUP...] [options]

  CASE             such as R1 C1 S2; without one, all of them
  GROUP            runtime, raft, orchestration, reliability, headline, scaling
  million          a million live actors, routing over a million agents, and by key: R6, R14, S4; all of them also when quick
  --list           the cases, their groups and who takes part, and nothing else
  --quick          small sizes and three samples each: everything in under ten minutes
  --no-peers       leave out what others have made
  --peers          run the peers that are installed; this is the default
  --no-profile     leave out the one profiled sample of each of ours; a quick run takes it only with --profile
  --soak-minutes N how long F6 soaks
  --json FILE      where every sample, figure and ratio goes; default bench/out/results.json
  --report FILE    where the page goes; default bench/out/report.html
  --resume         go on with the run that the JSON file holds
  --again          measure the named cases again within the run that the JSON file holds; each says its own commit
  --from FILE      measure nothing: make the page, and the claims, from a results file
  --claims FILE    write the measured numbers into a text, wherever it has a claim mark
  --compare REV    measure our side of this tree and of a git revision, interleaved; says what moved, exit 1 if worse or failing

Exit code: 0 all was measured; 1 a subject failed, or the command was wrong; 130 interrupted. A floor that is not met
is a finding and no failure.
`;

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  peers: { type: 'boolean', default: true },
  json: { type: 'string' },
  report: { type: 'string' },
  compare: { type: 'string' },
  resume: { type: 'boolean', default: false },
  again: { type: 'boolean', default: false },
  profile: { type: 'boolean' },
  'soak-minutes': { type: 'string' },
  from: { type: 'string' },
  claims: { type: 'string', multiple: true, default: [] },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsOptionsConfig;

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, allowNegative: true, options: OPTIONS });
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const unknown = /^Unknown option '(--?[^']*)'/.exec(message)?.[1];
    const names = Object.keys(OPTIONS).map((name) => `--${name}`);
    const problem =
      unknown === undefined
        ? message
        : `there is no option ${unknown}${didYouMean(unknown, [...names, '--no-peers', '--no-profile'])}`;
    throw new Error(`${problem.replace(/\.?$/, '')}\nnpm run bench -- --help lists what there is`, {
      cause: thrown,
    });
  }
}

/** @throws Error for an option there is not, or options that do not go together */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parsed(args);
  const measuring = [
    ...positionals,
    ...(['quick', 'json', 'compare', 'resume', 'again', 'soak-minutes'] as const)
      .filter((name) => values[name])
      .map((name) => `--${name}`),
  ];
  if (values.from !== undefined && measuring.length > 0)
    throw new Error(`--from measures nothing, so ${measuring.join(' ')} would change nothing: leave it out`);
  if (values.quick && values.claims.length > 0)
    throw new Error('quick sizes are no source for claims: leave out --quick or --claims');
  if (values.compare !== undefined && (values.report !== undefined || values.claims.length > 0))
    throw new Error(
      '--report and --claims are about one tree and its peers, --compare about two: choose one',
    );
  if (values.compare !== undefined && (values.resume || values.again))
    throw new Error('--resume and --again are about one run; a comparison is not kept');
  if (values.again && (values.resume || positionals.length === 0))
    throw new Error('--again takes the cases that are to be measured again, and not --resume');
  return {
    cases: positionals,
    quick: values.quick,
    peers: values.peers,
    json: values.json,
    report: values.report,
    compare: values.compare,
    resume: values.resume,
    again: values.again,
    soakMinutes: minutesOf(values['soak-minutes']),
    profile: values.profile ?? !values.quick,
    from: values.from,
    claims: values.claims,
    list: values.list,
    help: values.help,
  };
}

function minutesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const minutes = Number(text);
  if (!(minutes > 0)) throw new Error(`--soak-minutes takes a number above 0, not ${text}`);
  return minutes;
}

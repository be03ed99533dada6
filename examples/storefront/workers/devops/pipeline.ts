import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import type { WorkInput } from '@tutti/actors';
import { parse, stringify } from 'yaml';
import { sha256 } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';

const compress = promisify(brotliCompress);
const run = promisify(execFile);

/** What a release consists of. Reports stay out: they hold times, and a release of the same sources is the same. */
const RELEASED = ['service', 'site', 'cache/policy.json', 'database/migrations', 'deploy', 'monitoring'];

/** Parses modules without running them: what `node --check` does for one file, in one process for all. */
const PARSE_ALL = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  '--input-type=module',
  '--eval',
  `import { readFileSync } from 'node:fs';
   import { SourceTextModule } from 'node:vm';
   for (const identifier of process.argv.slice(1)) {
     new SourceTextModule(readFileSync(identifier, 'utf8'), { identifier });
   }`,
];

interface Pipeline {
  readonly jobs: Readonly<
    Record<string, { readonly needs?: readonly string[]; readonly steps: readonly object[] }>
  >;
}

/**
 * "CI/CD pipeline": does once what the pipeline will do each time. It checks that every module parses, compresses the
 * site, and names the release by the digest of all that is in it; then it writes the pipeline and checks its jobs.
 */
export async function buildPipeline(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const checks = new Checks();
  const files = await releasedFiles(folder);
  const modules = files.filter((file) => file.endsWith('.mjs')).map((file) => folder.path(file));
  await parseAll(modules, input.signal);
  await folder.removeAbandoned();
  const { bytes, compressedBytes } = await compressSite(folder, files, input.signal);
  const digests: Record<string, string> = {};
  for (const name of files) digests[name] = sha256(await readFile(folder.path(name)));
  const release = sha256(JSON.stringify(digests)).slice(0, 16);
  const pipeline = await folder.write('pipeline/pipeline.yaml', stringify(pipelineFile(release)));
  checkPipeline(parse(await folder.read(pipeline)) as Pipeline, checks);
  return {
    pipeline,
    release,
    manifest: await folder.writeJson('release/manifest.json', { release, files: digests }),
    counts: { files: files.length, bytes, compressedBytes },
  };
}

async function parseAll(modules: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await run(process.execPath, [...PARSE_ALL, ...modules], { signal });
  } catch (error) {
    // The child was killed by the abort: its reason says more than the broken child does.
    signal.throwIfAborted();
    throw error;
  }
}

async function releasedFiles(folder: OutputFolder): Promise<string[]> {
  const names: string[] = [];
  for (const root of RELEASED) {
    if (root.endsWith('.json')) {
      names.push(root);
      continue;
    }
    const entries = await readdir(folder.path(root), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isFile()) names.push(relative(folder.path('.'), join(entry.parentPath, entry.name)));
    }
  }
  return names.toSorted();
}

async function compressSite(folder: OutputFolder, files: readonly string[], signal: AbortSignal) {
  let bytes = 0;
  let compressedBytes = 0;
  for (const name of files.filter((file) => /^site\/.*\.(html|css|mjs|json)$/.test(file))) {
    signal.throwIfAborted();
    const content = await readFile(folder.path(name));
    const compressed = await compress(content);
    await folder.write(`release/${name}.br`, compressed);
    bytes += content.length;
    compressedBytes += compressed.length;
  }
  return { bytes, compressedBytes };
}

function pipelineFile(release: string): object {
  const checkout = { uses: 'actions/checkout@v4' };
  const node = { uses: 'actions/setup-node@v4', with: { 'node-version': '24' } };
  const job = (needs: readonly string[], ...steps: readonly object[]) => ({
    'runs-on': 'ubuntu-24.04',
    ...(needs.length === 0 ? {} : { needs }),
    steps: [checkout, node, ...steps],
  });
  return {
    name: 'storefront',
    on: { push: { branches: ['main'] }, pull_request: {} },
    env: { RELEASE: release },
    jobs: {
      build: job([], { run: 'for file in service/*.mjs site/*.mjs; do node --check "$file"; done' }),
      test: job(['build'], {
        run: 'node service/server.mjs --port 8080 & curl --fail --retry 10 --retry-connrefused http://127.0.0.1:8080/health',
      }),
      image: job(['test'], { run: 'docker build --file deploy/Dockerfile --tag storefront-api:1.0.0 .' }),
      deploy: job(['image'], { run: 'kubectl apply --filename deploy/kubernetes.yaml' }),
    },
  };
}

function checkPipeline({ jobs }: Pipeline, checks: Checks): void {
  const before: string[] = [];
  for (const [name, { needs = [], steps }] of Object.entries(jobs)) {
    for (const other of needs) {
      checks.holds(`${name} comes after ${other}`, before.includes(other), before, other);
    }
    checks.holds(`${name} does something`, steps.length > 2, steps.length, 'more than setting up');
    before.push(name);
  }
  checks.equal('deployment is last', before.at(-1), 'deploy');
}

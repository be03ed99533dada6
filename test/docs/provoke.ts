// Runs examples of errors, one after the other in one process: starting a process for each would cost far more than the
// examples do. Its argument is a JSON list of `Provocation`; its output the JSON list of what became of each.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runCommandLine } from '../../packages/tutti/src/cli/program.ts';

/** One example: a folder with its files, and the program or the command line to run in it. */
export interface Provocation {
  readonly code: string;
  readonly folder: string;
  readonly program?: string;
  readonly command?: readonly string[];
}

/** An error as its example showed it, thrown or printed. */
export interface Shown {
  readonly code: string;
  readonly message: string;
  readonly wayOut?: string;
}

/** Everything that an example showed. */
export interface Provoked {
  readonly code: string;
  readonly shown: readonly Shown[];
  readonly took: number;
}

let shown: Shown[] = [];

function show(thrown: unknown): void {
  const { code, message, wayOut } = (thrown ?? {}) as Partial<Shown>; // an example may throw nothing at all
  const text = thrown instanceof Error && code === undefined ? thrown.stack : message;
  shown.push({
    code: code ?? 'no code',
    message: text ?? String(thrown),
    ...(wayOut === undefined ? {} : { wayOut }),
  });
}

/** What a command tells of an error: `CODE  message` and its way out below, or a JSON document. */
function showTold(text: string): void {
  const document = /^\{\n[^]*^\}$/m.exec(text)?.[0];
  if (document !== undefined) return show((JSON.parse(document) as { error: Shown }).error);
  const told = /^(TUTTI_\w+) {2}(.*)$/m.exec(text);
  const wayOut = /^ {2}way out: (.*)$/m.exec(text)?.[1];
  shown.push({
    code: told?.[1] ?? 'no code',
    message: told?.[2] ?? text,
    ...(wayOut === undefined ? {} : { wayOut }),
  });
}

/** Runs a command line in this process, and reads the error that it tells. */
async function runCommand(command: readonly string[]): Promise<void> {
  let told = '';
  const hear = (text: string | Uint8Array): boolean => {
    told += String(text);
    return true;
  };
  const restores = [process.stdout, process.stderr].map((stream) => {
    const write = stream.write.bind(stream);
    stream.write = hear;
    return () => {
      stream.write = write;
    };
  });
  try {
    await runCommandLine(command);
  } finally {
    for (const restore of restores) restore();
  }
  showTold(told);
}

async function provoke({ code, folder, program, command }: Provocation): Promise<Provoked> {
  shown = [];
  process.chdir(folder);
  // Should an example end the process, the test shows this, and with it which one.
  process.stderr.write(`${code}\n`);
  const from = performance.now();
  try {
    if (program !== undefined) await import(pathToFileURL(join(folder, program)).href);
    if (command !== undefined) await runCommand(command);
  } catch (thrown) {
    show(thrown);
  }
  return { code, shown, took: Math.round(performance.now() - from) };
}

const results: Provoked[] = [];
console.log = (code: unknown, message: unknown) =>
  shown.push({ code: String(code), message: String(message) });
process.on('uncaughtException', show);
for (const provocation of JSON.parse(process.argv[2]!) as Provocation[])
  results.push(await provoke(provocation));
// Not every example ends its nodes: an error that is thrown ends the program, and would do so here.
process.stdout.write(JSON.stringify(results), () => process.exit(0));

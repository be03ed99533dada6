import { readFileSync } from 'node:fs';
import { isTuttiError, messageOf, TuttiError } from '@tutti/kernel';
import { Command, CommanderError } from 'commander';
import { addCancelCommand } from './commands/cancel.ts';
import { addClusterCommand } from './commands/cluster.ts';
import { addConfigCommand } from './commands/config.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addInitCommand } from './commands/init.ts';
import { addMsgsCommand } from './commands/msgs.ts';
import { addPsCommand } from './commands/ps.ts';
import { addRunCommand } from './commands/run.ts';
import { addSubmitCommand } from './commands/submit.ts';
import { addTestCommand } from './commands/test.ts';
import { addTopCommand } from './commands/top.ts';
import { addTraceCommand } from './commands/trace.ts';
import { addTreeCommand } from './commands/tree.ts';
import { addUpCommand } from './commands/up.ts';
import { EXIT, exitCodeOf } from './exit.ts';
import { Terminal } from './terminal.ts';

/** The `tutti` command line. Each verb is a file of its own beside this one. */
export function buildProgram(): Command {
  const program = new Command('tutti')
    .description(
      'Actors for TypeScript whose cluster agrees: run a cluster here, run plans on it, look inside.',
    )
    .version(versionOf(), '-V, --version', 'print the version and nothing else')
    .option('--config <file>', 'settings, instead of tutti.config.yaml')
    .option('--no-color', 'no colours')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false });
  addUpCommand(program);
  addRunCommand(program);
  addSubmitCommand(program);
  addCancelCommand(program);
  addPsCommand(program);
  addTreeCommand(program);
  addTopCommand(program);
  addMsgsCommand(program);
  addTraceCommand(program);
  addExplainCommand(program);
  addClusterCommand(program);
  addTestCommand(program);
  addConfigCommand(program);
  addInitCommand(program);
  return program;
}

/** The package's own, from source as well as when it is installed. */
function versionOf(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/**
 * Runs one command line and gives its exit code. Errors are told on standard error: what, where, and the way out; with
 * `--json` as one document on standard output.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const program = buildProgram();
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? EXIT.done);
  } catch (thrown) {
    const json = args.includes('--json');
    if (!(thrown instanceof CommanderError)) {
      tellError(thrown, json);
      return Number(process.exitCode ?? exitCodeOf(thrown));
    }
    if (thrown.exitCode === 0) return EXIT.done;
    const problem = problemIn(thrown, program);
    // Without a verb, Commander has shown the help.
    if (thrown.code !== 'commander.help') tellError(new TuttiError('TUTTI_USAGE', { problem }), json);
    return EXIT.usage;
  }
}

/** What Commander says, on one line. Whoever leaves `cluster` out has named a verb all the same. */
function problemIn({ message }: CommanderError, program: Command): string {
  const problem = message.replace(/^error: /, '').replaceAll('\n', ' ');
  const unknown = /^unknown command '(.*?)'/.exec(problem)?.[1];
  const group = program.commands.find(({ commands }) => commands.some((verb) => verb.name() === unknown));
  if (unknown === undefined || !group) return problem;
  return `unknown command '${unknown}' (Did you mean ${group.name()} ${unknown}?)`;
}

function tellError(thrown: unknown, json: boolean): void {
  const error = isTuttiError(thrown)
    ? thrown
    : new TuttiError('TUTTI_INTERNAL', { problem: messageOf(thrown) }, { cause: thrown });
  if (json) {
    process.stdout.write(`${JSON.stringify({ error: error.toJSON() }, undefined, 2)}\n`);
    return;
  }
  const terminal = new Terminal(process.stderr);
  terminal.line(`${terminal.paint('red', error.code)}  ${error.message}`);
  const { problems } = error.details;
  if (Array.isArray(problems) && problems.length > 1)
    for (const problem of problems.slice(1) as { message?: string; problem?: string; line?: number }[])
      terminal.line(`  also: ${problem.message ?? `${problem.line ?? '?'}: ${problem.problem ?? '?'}`}`);
  terminal.line(`  ${terminal.paint('dim', 'way out:')} ${error.wayOut}`);
  if (!isTuttiError(thrown) && thrown instanceof Error && thrown.stack) terminal.line(thrown.stack);
}

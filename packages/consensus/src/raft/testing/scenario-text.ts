import { assert } from '@tutti/kernel';

/** One command of a scenario: its words, the comment before it, and what the file says comes of it. */
export interface ScenarioStep {
  readonly comment: string;
  readonly line: string;
  readonly verb: string;
  readonly words: readonly string[];
  /** Words of the form name=value. */
  readonly settings: Readonly<Record<string, string>>;
  readonly expected: string;
}

const RULE = '----';

/**
 * Takes a scenario apart: steps are separated by empty lines; each has comments (`#`), a command, a rule of dashes,
 * and the transcript of what came of it.
 */
export function parseScenario(text: string): ScenarioStep[] {
  return text
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block !== '')
    .map(stepOf);
}

function stepOf(block: string): ScenarioStep {
  const lines = block.split('\n');
  const from = lines.findIndex((line) => !line.startsWith('#'));
  const comment = lines.slice(0, from < 0 ? lines.length : from).join('\n');
  if (from < 0) return { comment, line: '', verb: '', words: [], settings: {}, expected: '' };
  const [line, rule, ...expected] = lines.slice(from);
  assert(line !== undefined && (rule === undefined || rule === RULE), `"${line}" is followed by a rule`);
  const [verb, ...rest] = line.split(/\s+/);
  return {
    comment,
    line,
    verb: verb!,
    words: rest.filter((word) => !word.includes('=')),
    settings: Object.fromEntries(rest.filter((word) => word.includes('=')).map((word) => word.split('='))),
    expected: expected.join('\n'),
  };
}

/** The scenario with these transcripts in the place of its own. */
export function scenarioText(steps: readonly ScenarioStep[], transcripts: readonly string[]): string {
  const blocks = steps.map(({ comment, line }, i) => {
    const parts = comment === '' ? [] : [comment];
    if (line !== '') parts.push(line, RULE, transcripts[i]!);
    return parts.join('\n').trimEnd();
  });
  return `${blocks.join('\n\n')}\n`;
}

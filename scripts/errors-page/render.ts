import type { ErrorRow } from '@tutti/kernel';

const INTRODUCTION = `# Error codes

Every operating error of Tutti is a \`TuttiError\` with one of these codes. A code keeps its meaning from release to
release; messages may be reworded. Braces stand for details, which are also in \`error.details\`.

Under each code stands an example that raises it, and then what to change in it. A test runs them all, each in an empty
folder. A program ends by throwing the error; where Tutti reports it in another way, in the log or in a record, the
program prints its code and message. A command tells it on standard error.
`;

/** What is written by hand in each section: everything from its first fence on. */
export function examplesIn(page: string): Map<string, string> {
  const examples = new Map<string, string>();
  for (const section of sectionsOf(page)) {
    const fence = section.body.indexOf('```');
    if (fence >= 0) examples.set(section.code, section.body.slice(fence).trim());
  }
  return examples;
}

/** The codes that a page has a heading for, in order. */
export function codesIn(page: string): string[] {
  return sectionsOf(page).map(({ code }) => code);
}

/**
 * The page for a table of codes, in the order of the table. What was written by hand in the sections of the page
 * before is kept; a section whose code is gone goes too.
 */
export function renderErrorsPage(table: Readonly<Record<string, ErrorRow>>, before: string): string {
  const examples = examplesIn(before);
  const sections = Object.entries(table).map(([code, row]) => {
    const example = examples.get(code);
    const generated = `## ${code}\n\n${sentence(row.message)}\n\n**Way out:** ${sentence(row.wayOut)}\n`;
    return example === undefined ? generated : `${generated}\n${example}\n`;
  });
  return [INTRODUCTION, ...sections].join('\n');
}

function sectionsOf(page: string): { code: string; body: string }[] {
  const parts = page.split(/^## (TUTTI_\w+)\s*$/m);
  return Array.from({ length: (parts.length - 1) / 2 }, (_, i) => ({
    code: parts[2 * i + 1]!,
    body: parts[2 * i + 2]!,
  }));
}

/** Details stand in code style, so that Markdown leaves them as they are. */
function sentence(template: string): string {
  const shown = template.replaceAll(/\{\w+\}/g, '`$&`').replaceAll(/<(\w+)>/g, '`<$1>`');
  return /[.!?]$/.test(shown) ? shown : `${shown}.`;
}

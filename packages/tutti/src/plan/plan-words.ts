import type * as z from 'zod';

/** What a plan calls the kinds that its schema has. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'empty',
};

/** Says what is wrong with a value of a plan in the words of plans; the schema's own are about types. */
export function planWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined && issue.code === 'invalid_type') return `is missing: it ${wanted(issue)}`;
  switch (issue.code) {
    case 'invalid_type':
      return wanted(issue);
    case 'invalid_union':
      return alternatives(issue.errors);
    case 'invalid_key':
      return `its name ${issue.issues[0]?.message ?? 'is not usable'}`;
    case 'too_small':
      return bound(issue.origin, 'at least', Number(issue.minimum));
    case 'too_big':
      return bound(issue.origin, 'at most', Number(issue.maximum));
    // These say it themselves, where they are declared.
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_value':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      break;
  }
  return undefined;
}

function wanted({ expected }: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidType>): string {
  return `must be ${KINDS[expected] ?? expected}`;
}

function bound(of: string, word: 'at least' | 'at most', limit: number): string {
  if (of === 'number' || of === 'int') return `must be ${word} ${limit}`;
  const what = of === 'string' ? 'character' : 'entry';
  const many = of === 'string' ? 'characters' : 'entries';
  return `must have ${word} ${limit} ${limit === 1 ? what : many}`;
}

/** If the value is of the kind of one of several, what is wrong inside of it; else what it could be. */
function alternatives(each: readonly (readonly z.core.$ZodIssue[])[]): string | undefined {
  const inside = each.flat().find(({ path }) => path.length > 0);
  if (inside) return `${inside.path.join('.')} ${inside.message}`;
  const [first, ...others] = new Set(
    each.flatMap((issues) => issues.slice(0, 1).map(({ message }) => message)),
  );
  if (first === undefined) return undefined;
  return [first, ...others.map((message) => message.replace(/^must be /, 'or '))].join(', ');
}

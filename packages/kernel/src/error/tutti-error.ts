import { type DetailsOf, ERRORS, type ErrorCode, type ErrorRow } from './error-table.ts';

/** The facts of one error: ids, names, limits. Values must survive JSON, since errors cross nodes. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

function fill(template: string, details: ErrorDetails): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, key: string) => {
    const value = details[key];
    if (value === undefined) return '?';
    return typeof value === 'string' ? value : shown(value);
  });
}

/** A detail that JSON cannot say must not turn one error into another. */
function shown(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return typeof value === 'bigint' ? String(value) : typeof value;
  }
}

/**
 * Every detail that the code's message shows must be there; more may be. Of a code that is only known at run time
 * nothing can be asked.
 */
type ErrorArguments<Code extends ErrorCode> = ErrorCode extends Code
  ? [details?: ErrorDetails, options?: ErrorOptions]
  : [details: ErrorDetails & Readonly<Record<DetailsOf<Code>, unknown>>, options?: ErrorOptions];

/**
 * An operating error: something a caller or the world did that Tutti cannot go on with. It has a code that never
 * changes, a message that says what and where, and a way out. The table of all codes is `docs/reference/errors.md`.
 */
export class TuttiError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'TuttiError';
  readonly code: Code;
  readonly details: ErrorDetails;
  /** What to do next, as a sentence. */
  readonly wayOut: string;

  constructor(code: Code, ...[details = {}, options]: ErrorArguments<Code>) {
    const row: ErrorRow = ERRORS[code];
    super(fill(row.message, details), options);
    this.code = code;
    this.details = details;
    this.wayOut = fill(row.wayOut, details);
  }

  /** The same error after a trip through JSON. What another node put in place of the details is left out. */
  static fromJSON(json: { code: string; details?: ErrorDetails | null; message?: string }): TuttiError {
    const details = typeof json.details === 'object' ? (json.details ?? {}) : {};
    if (Object.hasOwn(ERRORS, json.code)) return new TuttiError(json.code as ErrorCode, details);
    return new TuttiError('TUTTI_INTERNAL', { problem: `${json.code}: ${json.message ?? ''}` });
  }

  toJSON(): { code: ErrorCode; message: string; wayOut: string; details: ErrorDetails } {
    return { code: this.code, message: this.message, wayOut: this.wayOut, details: this.details };
  }
}

/** Whether a caught value is a {@link TuttiError}, of the given code if one is given. */
export function isTuttiError(value: unknown, code?: ErrorCode): value is TuttiError {
  return value instanceof TuttiError && (code === undefined || value.code === code);
}

/** The text of whatever was thrown. It never throws itself, not even for an object that has no text. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'something that has no text was thrown';
  }
}

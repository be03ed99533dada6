import { TuttiError } from '@tutti/kernel';

/** What a command or message from outside is before it has been looked at. */
export type Fields = Readonly<Record<string, unknown>>;

/** Reads the fields of a command that came through the log; a wrong one is refused on every node alike. */
export class CommandReader {
  readonly #module: string;
  readonly fields: Fields;

  constructor(module: string, command: unknown) {
    this.#module = module;
    if (typeof command !== 'object' || command === null || Array.isArray(command))
      throw this.invalid('it is not an object');
    this.fields = command as Fields;
  }

  invalid(problem: string): TuttiError {
    return new TuttiError('TUTTI_CLUSTER_COMMAND_INVALID', { module: this.#module, problem });
  }

  text(name: string): string {
    const value = this.fields[name];
    if (typeof value !== 'string') throw this.invalid(`${name} is not text`);
    return value;
  }

  /** A whole number from 0. */
  count(name: string): number {
    const value = this.fields[name];
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw this.invalid(`${name} is not a whole number from 0`);
    return value as number;
  }

  /** A number from 0. */
  amount(name: string): number {
    const value = this.fields[name];
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      throw this.invalid(`${name} is not a number from 0`);
    return value;
  }

  list(name: string): readonly CommandReader[] {
    const value = this.fields[name];
    if (!Array.isArray(value)) throw this.invalid(`${name} is not a list`);
    return value.map((item) => new CommandReader(this.#module, item));
  }

  /** An object whose values are all text; none stands for an empty one. */
  labels(name: string): Readonly<Record<string, string>> {
    const value = this.fields[name] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw this.invalid(`${name} is not an object`);
    for (const item of Object.values(value))
      if (typeof item !== 'string') throw this.invalid(`a value of ${name} is not text`);
    return value as Readonly<Record<string, string>>;
  }
}

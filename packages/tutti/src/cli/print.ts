/** Prints a value as one JSON document, or as text. */
export function print<T>({ json }: { readonly json?: true }, value: T, show: (value: T) => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, undefined, 2) : show(value)}\n`);
}

import type { Conflict, ConflictSide } from './conflict.ts';
import { asObject, CONFLICTS_MAX, partOf } from './detector.ts';
import {
  fieldSchema,
  findPath,
  requestSchema,
  requiredOf,
  responseSchema,
  type Schema,
  typesOf,
} from './open-api.ts';

/** A call that one side means to make. Types are those of JSON Schema: string, number, integer, boolean, object, array. */
interface Call {
  readonly method: string;
  readonly path: string;
  readonly sends: Readonly<Record<string, string>>;
  readonly reads: Readonly<Record<string, string>>;
}

/**
 * `api-contract`: the calls that one side expects against the API that another provides. Shapes of task outputs:
 *
 * - expected: `{ contract: { calls: [{ method, path, sends: { field: type }, reads: { field: type } }] } }`; a field
 *   may be nested (`address.city`, `items[].price`), and a path may have parameters (`/cart/{id}` or `/cart/:id`)
 * - provided: `{ contract: { paths: {...}, components?: {...} } }`, a subset of OpenAPI 3.1 (see `OpenApi`)
 *
 * Conflicts: a path or a method that is not there, a required request field that is not sent, a field sent with
 * another type or against `additionalProperties: false`, and a field read that the response lacks or has with another
 * type. An integer will do where a number is asked for. What a side brings without `contract` is left alone.
 */
export function detectApiContractConflicts(brought: readonly ConflictSide[]): Conflict[] {
  const conflicts: Conflict[] = [];
  for (const caller of brought) {
    const calls = partOf(caller, 'contract')?.['calls'];
    if (!Array.isArray(calls)) continue;
    const others = brought.filter((side) => side.orchestrator !== caller.orchestrator);
    const providers = others.filter((side) => partOf(side, 'contract')?.['paths'] !== undefined);
    for (const item of calls as unknown[]) {
      const call = readCall(item);
      const named = providers.find((side) => findPath(apiOf(side), call.path));
      const provider = named ?? providers[0] ?? others[0];
      if (provider) conflicts.push(...new Comparison(caller, provider, call).conflicts());
    }
  }
  return conflicts.slice(0, CONFLICTS_MAX);
}

function apiOf(side: ConflictSide): Readonly<Record<string, unknown>> {
  return partOf(side, 'contract') ?? {};
}

function readCall(value: unknown): Call {
  const { method, path, sends, reads } = asObject(value) ?? {};
  return {
    method: String(method).toUpperCase(),
    path: String(path),
    sends: fieldsOf(sends),
    reads: fieldsOf(reads),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(asObject(value) ?? {}).map(([field, type]) => [field, String(type)]),
  );
}

/** One call of one side against the API of another. */
class Comparison {
  readonly #caller: ConflictSide;
  readonly #provider: ConflictSide;
  readonly #call: Call;
  readonly #found: Conflict[] = [];

  constructor(caller: ConflictSide, provider: ConflictSide, call: Call) {
    this.#caller = caller;
    this.#provider = provider;
    this.#call = call;
  }

  conflicts(): readonly Conflict[] {
    const api = apiOf(this.#provider);
    const { method, path } = this.#call;
    const item = findPath(api, path);
    const operation = asObject(item?.[method.toLowerCase()]);
    if (!item)
      this.#add(
        `calls ${method} ${path}`,
        { method, path },
        'has no such path',
        Object.keys(asObject(api['paths']) ?? {}),
      );
    else if (!operation)
      this.#add(
        `calls ${method} ${path}`,
        { method, path },
        `has only ${methodsOf(item)} there`,
        Object.keys(item),
      );
    else {
      this.#compareRequest(requestSchema(api, operation));
      this.#compareResponse(responseSchema(api, operation));
    }
    return this.#found;
  }

  #compareRequest(schema: Schema): void {
    const { sends } = this.#call;
    const sent = new Set(Object.keys(sends).map((field) => field.split(/[.[]/)[0]));
    for (const field of requiredOf(schema))
      if (!sent.has(field)) this.#add(`does not send "${field}"`, sends, 'requires it', { required: field });
    for (const [field, type] of Object.entries(sends)) {
      const taken = fieldSchema(apiOf(this.#provider), schema, field);
      if (taken && !accepts(typesOf(taken), type))
        this.#add(
          `sends "${field}" as ${type}`,
          { [field]: type },
          `takes ${typesOf(taken).join(' or ')}`,
          taken,
        );
      if (!taken && schema['additionalProperties'] === false)
        this.#add(`sends "${field}"`, { [field]: type }, 'takes no such field', null);
    }
  }

  #compareResponse(schema: Schema | undefined): void {
    for (const [field, type] of Object.entries(this.#call.reads)) {
      const given = fieldSchema(apiOf(this.#provider), schema, field);
      if (!given) this.#add(`reads "${field}"`, { [field]: type }, 'does not return it', null);
      else if (!typesOf(given).every((each) => accepts([type], each)))
        this.#add(
          `reads "${field}" as ${type}`,
          { [field]: type },
          `returns ${typesOf(given).join(' or ')}`,
          given,
        );
    }
  }

  #add(wish: string, wanted: unknown, fact: string, found: unknown): void {
    const { method, path } = this.#call;
    const subject = `${method} ${path}`;
    const where = wish.includes(subject) ? '' : ` in ${subject}`;
    const [caller, provider] = [this.#caller, this.#provider];
    this.#found.push({
      check: 'api-contract',
      subject,
      sides: [
        { orchestrator: caller.orchestrator, task: caller.task, value: wanted },
        { orchestrator: provider.orchestrator, task: provider.task, value: found },
      ],
      explanation: `${caller.orchestrator} ${wish}${where}, ${provider.orchestrator} ${fact}`,
    });
  }
}

function methodsOf(item: Schema): string {
  return Object.keys(item)
    .map((method) => method.toUpperCase())
    .join(', ');
}

/** Whether a value of `type` will do where one of `allowed` is asked for; where nothing is said, all will. */
function accepts(allowed: readonly string[], type: string): boolean {
  return allowed.length === 0 || allowed.includes(type) || (type === 'integer' && allowed.includes('number'));
}

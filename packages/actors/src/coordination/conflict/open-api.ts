import { asObject } from './detector.ts';

/** The part of an OpenAPI 3.1 document that is read: `paths` with operations, and `components.schemas`. */
export type OpenApi = Readonly<Record<string, unknown>>;

/** A JSON Schema, as far as it is read: `type`, `properties`, `required`, `items`, `additionalProperties`, `$ref`. */
export type Schema = Readonly<Record<string, unknown>>;

/** References followed before one is taken for circular. */
const REFERENCES_MAX = 16;

/** The operations of the path that this call goes to, by method in lower case. Fixed segments win over `{...}`. */
export function findPath(api: OpenApi, called: string): Schema | undefined {
  const wanted = segmentsOf(called);
  const found = Object.entries(asObject(api['paths']) ?? {})
    .map(([path, item]) => ({ segments: segmentsOf(path), item }))
    .filter(
      ({ segments }) =>
        segments.length === wanted.length && segments.every((part, at) => fits(part, wanted[at]!)),
    )
    .toSorted((a, b) => freedom(a.segments) - freedom(b.segments));
  return asObject(found[0]?.item);
}

/** Path segments without the query; `{id}` and `:id` are both written `{}`. */
function segmentsOf(path: string): string[] {
  const parts = path.split('?')[0]!.split('/');
  return parts.filter((part) => part !== '').map((part) => (/^(\{.*\}|:.+)$/.test(part) ? '{}' : part));
}

function fits(provided: string, called: string): boolean {
  return provided === '{}' || provided === called;
}

function freedom(segments: readonly string[]): number {
  return segments.filter((part) => part === '{}').length;
}

/** What the operation takes: its JSON body, with required query and header parameters beside its properties. */
export function requestSchema(api: OpenApi, operation: Schema): Schema {
  const body = resolve(api, contentSchema(asObject(operation['requestBody']))) ?? {};
  const parameters = (Array.isArray(operation['parameters']) ? operation['parameters'] : [])
    .map((parameter) => asObject(parameter) ?? {})
    .filter((parameter) => parameter['in'] === 'query' || parameter['in'] === 'header');
  const named = parameters.map((parameter) => [
    String(parameter['name']),
    asObject(parameter['schema']) ?? {},
  ]);
  const required = parameters.filter((parameter) => parameter['required'] === true);
  return {
    ...body,
    properties: { ...asObject(body['properties']), ...Object.fromEntries(named) },
    required: [...requiredOf(body), ...required.map((parameter) => String(parameter['name']))],
  };
}

/** What a successful call gives: the lowest 2xx response that has a JSON schema, else `default`. */
export function responseSchema(api: OpenApi, operation: Schema): Schema | undefined {
  const responses = asObject(operation['responses']) ?? {};
  const statuses = Object.keys(responses)
    .filter((status) => status.startsWith('2'))
    .toSorted();
  for (const status of [...statuses, 'default']) {
    const schema = contentSchema(asObject(responses[status]));
    if (schema) return resolve(api, schema);
  }
  return undefined;
}

function contentSchema(holder: Schema | undefined): Schema | undefined {
  const content = asObject(holder?.['content']) ?? {};
  const type = Object.keys(content).find((name) => /[/+]json\b/.test(name));
  return type === undefined ? undefined : asObject(asObject(content[type])?.['schema']);
}

export function requiredOf(schema: Schema): string[] {
  return Array.isArray(schema['required']) ? schema['required'].map(String) : [];
}

/** The schema of a field such as `total`, `address.city` or `items[].price`; undefined where there is none. */
export function fieldSchema(api: OpenApi, schema: Schema | undefined, field: string): Schema | undefined {
  let current = resolve(api, schema);
  for (const step of field.replaceAll('[]', '.[]').split('.')) {
    if (step === '') continue;
    const next = step === '[]' ? current?.['items'] : asObject(current?.['properties'])?.[step];
    current = resolve(api, asObject(next));
  }
  return current;
}

function resolve(api: OpenApi, schema: Schema | undefined): Schema | undefined {
  let current = schema;
  for (let hop = 0; hop < REFERENCES_MAX; hop++) {
    const reference = current?.['$ref'];
    if (typeof reference !== 'string') return current;
    let target: unknown = api;
    for (const step of reference.replace(/^#\//, '').split('/')) target = asObject(target)?.[step];
    current = asObject(target);
  }
  return undefined;
}

/** The types a schema allows; empty when it does not say. */
export function typesOf(schema: Schema): string[] {
  const type = schema['type'];
  if (Array.isArray(type)) return type.map(String);
  return typeof type === 'string' ? [type] : [];
}

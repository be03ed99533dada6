import { answerOf, type Contract, type Operation, operationsOf, type Schema } from '../backend/contract.ts';

/** The generated client: a module for browsers and Node, and its types. */
export interface ClientSource {
  readonly module: string;
  readonly types: string;
}

/** Makes one method for each operation of the contract; a method that the contract does not have cannot be called. */
export function clientSource(contract: Contract, digest: string): ClientSource {
  const methods: string[] = [];
  const signatures: string[] = [];
  for (const { method, path, operation } of operationsOf(contract)) {
    methods.push(methodSource(method, path, operation));
    signatures.push(signature(operation));
  }
  return {
    module: `${moduleHead(digest)}  return {\n${methods.join('\n')}\n  };\n}\n`,
    types: `${typesHead(digest)}export interface Client {\n${signatures.join('\n')}\n}\n`,
  };
}

function moduleHead(digest: string): string {
  return `// Generated from the agreed contract ${digest}.
export const contractDigest = '${digest}';

/** A refusal of the service, with its status and code. */
export class ServiceError extends Error {
  constructor(status, { code, message }) {
    super(message);
    this.name = 'ServiceError';
    this.status = status;
    this.code = code;
  }
}

export function createClient({ baseUrl, token = () => undefined, signal }) {
  async function call(method, path, body, query = {}) {
    const url = new URL(path, baseUrl);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const bearer = token();
    const headers = {
      ...(bearer === undefined ? {} : { authorization: \`Bearer \${bearer}\` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const response = await fetch(url, { method, headers, signal, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new ServiceError(response.status, answer.error);
    return answer;
  }

`;
}

function methodSource(method: string, path: string, operation: Operation): string {
  const template = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => `\${encodeURIComponent(${name})}`);
  const names = argumentsOf(operation).map(({ name }) => name);
  const taken = names.length === 0 ? '' : `{ ${names.join(', ')} }`;
  const optional = names.length === 1 && names[0] === 'query' ? `${taken} = {}` : taken;
  const body = operation.requestBody === undefined ? 'undefined' : 'body';
  const query = names.includes('query') ? ', query' : '';
  return `    ${operation.operationId}: (${optional}) => call('${method.toUpperCase()}', \`${template}\`, ${body}${query}),`;
}

function typesHead(digest: string): string {
  return `// Generated from the agreed contract ${digest}.
export declare const contractDigest: '${digest}';

export declare class ServiceError extends Error {
  readonly status: number;
  readonly code: string;
}

export declare function createClient(options: {
  readonly baseUrl: string;
  readonly token?: () => string | undefined;
  readonly signal?: AbortSignal;
}): Client;

`;
}

function signature(operation: Operation): string {
  const parts = argumentsOf(operation).map(
    ({ name, type, optional }) => `${name}${optional ? '?' : ''}: ${type}`,
  );
  const allOptional = argumentsOf(operation).every(({ optional }) => optional);
  const taken = parts.length === 0 ? '' : `input${allOptional ? '?' : ''}: { ${parts.join('; ')} }`;
  return `  /** ${operation.summary}. */\n  ${operation.operationId}(${taken}): Promise<${typeOf(answerOf(operation))}>;`;
}

function argumentsOf(operation: Operation): { name: string; type: string; optional: boolean }[] {
  const parameters = operation.parameters ?? [];
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const query = inQuery.map(({ name }) => `${name}?: string`).join('; ');
  const body = operation.requestBody?.content['application/json'].schema;
  return [
    ...parameters
      .filter((parameter) => parameter.in === 'path')
      .map(({ name }) => ({ name, type: 'string', optional: false })),
    ...(inQuery.length === 0 ? [] : [{ name: 'query', type: `{ ${query} }`, optional: true }]),
    ...(body === undefined ? [] : [{ name: 'body', type: typeOf(body), optional: false }]),
  ];
}

function typeOf(schema: Schema): string {
  if (schema.type === 'array')
    return schema.items === undefined ? 'unknown[]' : `Array<${typeOf(schema.items)}>`;
  if (schema.type === 'object') {
    const properties = Object.entries(schema.properties ?? {}).map(
      ([name, part]) => `${name}${schema.required?.includes(name) === true ? '' : '?'}: ${typeOf(part)}`,
    );
    return `{ ${properties.join('; ')} }`;
  }
  if (schema.enum !== undefined) return schema.enum.map((value) => `'${value}'`).join(' | ');
  return schema.type === 'integer' ? 'number' : schema.type;
}

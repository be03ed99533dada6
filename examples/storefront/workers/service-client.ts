import type { RunningService } from './service-process.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON value, or the text where the answer is no JSON. */
  readonly body: unknown;
}

export interface Call {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls the running service as any program could; unlike the generated client it does not throw on a refusal. */
export async function call(
  service: RunningService,
  signal: AbortSignal,
  path: string,
  { method = 'GET', token, body, headers = {} }: Call = {},
): Promise<Answer> {
  const response = await fetch(`${service.origin}${path}`, {
    method,
    signal,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
}

/** The code of a refusal, or undefined. */
export function refusal(answer: Answer): string | undefined {
  return (answer.body as { error?: { code?: string } } | undefined)?.error?.code;
}

export async function signIn(
  service: RunningService,
  signal: AbortSignal,
  account: { readonly email: string; readonly password: string },
): Promise<string> {
  const answer = await call(service, signal, '/sessions', { method: 'POST', body: account });
  if (answer.status !== 201)
    throw new Error(`${account.email} cannot sign in: ${JSON.stringify(answer.body)}`);
  return (answer.body as { token: string }).token;
}

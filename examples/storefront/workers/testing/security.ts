import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { WorkInput } from '@tutti/actors';
import { demonstrationCustomer } from '../backend/authentication.ts';
import { type Contract, operationsOf } from '../backend/contract.ts';
import { loadCatalogue, variants } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { call, refusal, signIn } from '../service-client.ts';
import { type RunningService, withService } from '../service-process.ts';

interface Attack {
  readonly service: RunningService;
  readonly signal: AbortSignal;
  readonly checks: Checks;
}

const INJECTIONS = [
  "' OR '1'='1",
  "'; DROP TABLE products; --",
  "' UNION SELECT email, salt, password_hash, role, 1, 1, 1 FROM accounts --",
  '%',
  '_',
  '\u0000',
];

const CLIMBS = [
  '/site/../service/config.json',
  '/site/..%2fservice%2fconfig.json',
  '/site/%2e%2e/service/config.json',
  '/site/%2e%2e%2fservice/config.json',
  '/site/..\\service\\config.json',
  '/site/....//service/config.json',
  '//service/config.json',
  '/site/../../../../../../etc/passwd',
  '/service/storefront.sqlite',
];

/** "Security testing": attacks the built service, each with what has to happen instead. */
export async function testSecurity(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const contract = await folder.readJson<Contract>('service/contract.json');
  const checks = new Checks();
  await withService(input, async (service) => {
    const attack = { service, signal: input.signal, checks };
    await injectSql(attack);
    await goAroundSignIn(attack, contract);
    await climbPaths(attack);
    await sendTooMuch(attack);
    await readHeaders(attack);
    await guessPasswords(attack);
  });
  return {
    report: await folder.writeJson('reports/security.json', { checks: checks.passed }),
    checks: checks.passed.length,
  };
}

async function injectSql({ service, signal, checks }: Attack): Promise<void> {
  const total = async () => ((await call(service, signal, '/products')).body as { total: number }).total;
  const before = await total();
  for (const text of INJECTIONS) {
    const shown = JSON.stringify(text);
    const search = await call(service, signal, `/products?q=${encodeURIComponent(text)}`);
    const found = (search.body as { total?: number }).total ?? refusal(search);
    checks.equal(`searching ${shown} finds nothing`, found, text === '\u0000' ? 'BAD_SEARCH' : 0);
    const byName = await call(service, signal, `/products/${encodeURIComponent(text)}`);
    checks.equal(`${shown} is no product`, refusal(byName), 'NO_SUCH_PRODUCT');
    const body = { email: text.padEnd(3, '@'), password: text.padEnd(12, '-') };
    const entry = await call(service, signal, '/sessions', { method: 'POST', body });
    checks.equal(`${shown} signs nobody in`, entry.status, 401);
  }
  checks.equal('every product is still there', await total(), before);
}

async function goAroundSignIn({ service, signal, checks }: Attack, contract: Contract): Promise<void> {
  const customer = await signIn(service, signal, demonstrationCustomer(1));
  const other = await signIn(service, signal, demonstrationCustomer(2));
  for (const { method, path, operation } of operationsOf(contract)) {
    if (operation.security === undefined) continue;
    const target = path.replaceAll(/\{\w+\}/g, 'any');
    const forged = [
      undefined,
      randomBytes(32).toString('base64url'),
      `${customer.slice(0, -1)}~`,
      "' OR '1'='1",
    ];
    for (const token of forged) {
      const answer = await call(service, signal, target, {
        method: method.toUpperCase(),
        ...(token === undefined ? {} : { token }),
      });
      checks.equal(
        `${operation.operationId} with a ${token === undefined ? 'missing' : 'forged'} token`,
        answer.status,
        401,
      );
    }
    if (operation['x-role'] !== 'admin') continue;
    const answer = await call(service, signal, target, { method: method.toUpperCase(), token: customer });
    checks.equal(`${operation.operationId} as a customer`, answer.status, 403);
  }
  await touchOrderOfAnother({ service, signal, checks }, customer, other);
}

async function touchOrderOfAnother(
  { service, signal, checks }: Attack,
  owner: string,
  thief: string,
): Promise<void> {
  const [first] = variants(await loadCatalogue());
  const body = { idempotencyKey: 'security-order', items: [{ sku: first?.sku, quantity: 1 }] };
  const placed = await call(service, signal, '/orders', { method: 'POST', token: owner, body });
  const { id } = placed.body as { id: string };
  const read = await call(service, signal, `/orders/${id}`, { token: thief });
  checks.equal('the order of another cannot be read', refusal(read), 'NO_SUCH_ORDER');
  const cancel = await call(service, signal, `/orders/${id}/cancellation`, { method: 'POST', token: thief });
  checks.equal('nor cancelled', refusal(cancel), 'NO_SUCH_ORDER');
  // Keys belong to a customer: another's key gives an order of one's own and not a look at theirs.
  const same = await call(service, signal, '/orders', { method: 'POST', token: thief, body });
  checks.equal('nor fetched by its key', (same.body as { id: string }).id === id, false);
}

async function climbPaths({ service, signal, checks }: Attack): Promise<void> {
  for (const path of CLIMBS) {
    // A client would tidy the path before sending it, so the request is written by hand.
    const answer = await rawRequest(
      service.port,
      signal,
      `GET ${path} HTTP/1.1\r\nHost: storefront\r\nConnection: close\r\n\r\n`,
    );
    const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
    checks.holds(`${path} is refused`, status === '404' || status === '400', status, '404 or 400');
    checks.equal(`${path} shows nothing`, /providerSecret|root:|SQLite format/.test(answer), false);
  }
}

async function rawRequest(port: number, signal: AbortSignal, request: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', signal });
  try {
    socket.write(request);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  } finally {
    socket.destroy();
  }
}

async function sendTooMuch({ service, signal, checks }: Attack): Promise<void> {
  const body = { email: 'a@b.example', password: 'x'.repeat(70_000) };
  const declared = await call(service, signal, '/sessions', { method: 'POST', body });
  checks.equal('a body over the limit', declared.status, 413);
  const head =
    'POST /sessions HTTP/1.1\r\nHost: storefront\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
  const answer = await rawRequest(service.port, signal, head + chunk.repeat(3)).catch(() => 'HTTP/1.1 413');
  checks.equal('one that hides its length', answer.slice(0, 12), 'HTTP/1.1 413');
  const long = await call(service, signal, '/health', { headers: { 'x-long': 'x'.repeat(10_000) } });
  checks.equal('a header over the limit', long.status, 431);
  checks.equal('the service goes on', (await call(service, signal, '/health')).status, 200);
}

async function readHeaders({ service, signal, checks }: Attack): Promise<void> {
  const { headers } = await call(service, signal, '/site/index.html');
  checks.equal('nosniff', headers.get('x-content-type-options'), 'nosniff');
  checks.equal('frames', headers.get('x-frame-options'), 'DENY');
  const policy = headers.get('content-security-policy') ?? '';
  checks.holds(
    'content policy',
    policy.includes("default-src 'self'") && !policy.includes('unsafe'),
    policy,
    'own sources',
  );
  checks.equal('no word on the software', headers.get('server') ?? headers.get('x-powered-by'), null);
  const session = await call(service, signal, '/account');
  checks.equal('answers are not stored', session.headers.get('cache-control'), 'no-store');
  const trace = await call(service, signal, '/account', { method: 'DELETE' });
  checks.equal('other methods', [trace.status, trace.headers.get('allow')], [405, 'GET']);
}

async function guessPasswords({ service, signal, checks }: Attack): Promise<void> {
  const { email } = demonstrationCustomer(3);
  const statuses: number[] = [];
  for (let index = 0; index < 7; index++) {
    const body = { email, password: `a wrong guess number ${index}` };
    statuses.push((await call(service, signal, '/sessions', { method: 'POST', body })).status);
  }
  checks.equal('guessing is stopped', statuses, [401, 401, 401, 401, 401, 429, 429]);
}

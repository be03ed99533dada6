import { pathToFileURL } from 'node:url';
import type { WorkInput } from '@tutti/actors';
import { cardNumber, DECLINED } from '../backend/payments.ts';
import { Checks } from '../expectation.ts';
import { memoryStorage } from '../frontend/cart-interface.ts';
import { referencesOf } from '../frontend/page.ts';
import type { SearchIndex } from '../frontend/search-index.ts';
import { OutputFolder } from '../output-folder.ts';
import { call } from '../service-client.ts';
import { type RunningService, withService } from '../service-process.ts';

interface Order {
  readonly id: string;
  readonly status: string;
  readonly totalCents: number;
}

interface Client {
  register(input: { body: object }): Promise<unknown>;
  signIn(input: { body: object }): Promise<{ token: string }>;
  readOrder(input: { id: string }): Promise<Order>;
}

interface Cart {
  add(sku: string, quantity?: number): void;
  lines(): readonly object[];
  priced(client: Client): Promise<{ totalCents: number }>;
}

/** The modules of the site that a browser would load for a purchase. */
interface SiteModules {
  readonly client: {
    createClient(options: { baseUrl: string; token?: () => string | undefined; signal: AbortSignal }): Client;
  };
  readonly cart: { createCart(storage: ReturnType<typeof memoryStorage>): Cart };
  readonly checkout: {
    checkOut(parts: {
      client: Client;
      cart: Cart;
      card: string;
      keys: { order: string; payment: string };
    }): Promise<{
      order: Order;
    }>;
  };
  readonly account: { loadDashboard(client: Client): Promise<{ paid: number; spentCents: number }> };
  readonly search: { createSearch(index: SearchIndex): (text: string, limit: number) => { sku: string }[] };
}

/**
 * "E2E checkout flow tests": follows every link of the served site, then buys something with the site's own modules:
 * search, cart, a declined card, a good one, and the dashboard.
 */
export async function testCheckout(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const checks = new Checks();
  let pages = 0;
  await withService(input, async (service) => {
    pages = await crawl(service, input.signal, checks);
    await buy(service, folder, input.signal, checks);
  });
  return {
    report: await folder.writeJson('reports/checkout.json', { pages, checks: checks.passed }),
    pages,
    checks: checks.passed.length,
  };
}

/** Every address that can be reached from the first page answers, with the kind of content its name promises. */
async function crawl(service: RunningService, signal: AbortSignal, checks: Checks): Promise<number> {
  const seen = new Set(['/site/index.html']);
  const broken: string[] = [];
  for (const path of seen) {
    const answer = await call(service, signal, path);
    if (answer.status !== 200) broken.push(`${path}: ${answer.status}`);
    if (!path.endsWith('.html') || typeof answer.body !== 'string') continue;
    for (const reference of referencesOf(answer.body)) seen.add(`/site/${reference}`);
  }
  checks.equal('broken links', broken, []);
  for (const page of ['cart', 'checkout', 'account', 'admin']) {
    checks.equal(`a visitor finds ${page}`, seen.has(`/site/${page}.html`), true);
  }
  return seen.size;
}

async function buy(
  service: RunningService,
  folder: OutputFolder,
  signal: AbortSignal,
  checks: Checks,
): Promise<void> {
  const site = await loadSite(folder);
  const session: { token?: string } = {};
  const client = site.client.createClient({ baseUrl: service.origin, token: () => session.token, signal });
  const person = { email: 'shopper@storefront.example', password: 'bread and butter pudding' };
  await client.register({ body: { ...person, name: 'Shopper' } });
  session.token = (await client.signIn({ body: person })).token;

  const index = JSON.parse(
    JSON.stringify((await call(service, signal, '/site/search-index.json')).body),
  ) as SearchIndex;
  const [found] = site.search.createSearch(index)('copper kettle moss grand engraved', 1);
  checks.equal('search finds the product', found?.sku, 'copper-kettle-moss-grand-engraved');
  const cart = site.cart.createCart(memoryStorage());
  cart.add(found?.sku ?? '', 2);
  const { totalCents } = await cart.priced(client);

  const keys = { order: 'e2e-order-key', payment: 'e2e-payment-1' };
  const declined = await site.checkout
    .checkOut({ client, cart, keys, card: cardNumber('e2e', DECLINED) })
    .catch((error: { code?: string }) => error.code);
  checks.equal('a declined card', declined, 'CARD_DECLINED');
  checks.equal('leaves the cart full', cart.lines().length, 1);
  const again = { client, cart, keys: { ...keys, payment: 'e2e-payment-2' }, card: cardNumber('e2e') };
  const { order } = await site.checkout.checkOut(again);
  checks.equal('the cart showed the price that was charged', order.totalCents, totalCents);
  checks.equal('the order is paid', (await client.readOrder({ id: order.id })).status, 'paid');
  checks.equal('the cart is empty', cart.lines(), []);
  const { paid, spentCents } = await site.account.loadDashboard(client);
  checks.equal('the dashboard shows one purchase', { paid, spentCents }, { paid: 1, spentCents: totalCents });
}

async function loadSite(folder: OutputFolder): Promise<SiteModules> {
  const names = ['client', 'cart', 'checkout', 'account', 'search'] as const;
  const modules = names.map(async (name) => {
    return [name, await import(pathToFileURL(folder.path(`site/${name}.mjs`)).href)] as const;
  });
  return Object.fromEntries(await Promise.all(modules)) as SiteModules;
}

import { pathToFileURL } from 'node:url';
import type { WorkInput } from '@tutti/actors';
import { operationsOf } from '../backend/contract.ts';
import { loadCatalogue, variants } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { agreedContract } from './agreed-contract.ts';
import { clientSource } from './client-source.ts';
import { renderPage } from './page.ts';

interface ClientModule {
  readonly createClient: (options: { baseUrl: string }) => Readonly<Record<string, unknown>>;
}

interface CartModule {
  readonly createCart: (storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>) => {
    add(sku: string, quantity?: number): void;
    remove(sku: string): void;
    clear(): void;
    lines(): { sku: string; quantity: number }[];
  };
}

/** "Shopping cart interface": generates the client from the agreed contract, and builds the cart on it. */
export async function buildCartInterface(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const { contract, contractDigest } = agreedContract(input);
  const { module, types } = clientSource(contract, contractDigest);
  const client = await folder.write('site/client.mjs', module);
  await folder.write('site/client.d.mts', types);
  await folder.copyTemplates(
    ['cart.mjs', 'session.mjs', 'product-page.mjs', 'cart-page.mjs'].map((name) => `site/${name}`),
  );
  const body = `      <table><thead><tr><th>Product</th><th>Pieces</th><th>Each</th></tr></thead><tbody id="lines"></tbody></table>
      <p>Together: <output id="total"></output></p>
      <p role="alert"></p>
      <p><a href="checkout.html">To the checkout</a></p>`;
  const page = await folder.write(
    'site/cart.html',
    renderPage({ title: 'Cart', body, scripts: ['cart-page.mjs'] }),
  );
  const checks = new Checks();
  const { createClient } = (await import(pathToFileURL(folder.path(client)).href)) as ClientModule;
  const operations = [...operationsOf(contract)].map(({ operation }) => operation.operationId);
  checks.equal(
    'methods of the client',
    Object.keys(createClient({ baseUrl: 'http://storefront.example' })),
    operations,
  );
  await checkCart(folder, checks);
  return { client, page, contractDigest, checks: checks.passed };
}

/** Stands in for the storage of a browser. */
export function memoryStorage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

async function checkCart(folder: OutputFolder, checks: Checks): Promise<void> {
  const { createCart } = (await import(pathToFileURL(folder.path('site/cart.mjs')).href)) as CartModule;
  const cart = createCart(memoryStorage());
  const [first, second] = [...variants(await loadCatalogue())].map(({ sku }) => sku);
  cart.add(first ?? '');
  cart.add(second ?? '', 2);
  cart.add(first ?? '');
  const both = [first, second].map((sku) => ({ sku, quantity: 2 }));
  checks.equal('adding twice adds up', cart.lines(), both);
  cart.remove(first ?? '');
  checks.equal('removing takes the whole line', cart.lines(), both.slice(1));
  cart.clear();
  checks.equal('an empty cart has no lines', cart.lines(), []);
}

import { pathToFileURL } from 'node:url';
import type { WorkInput } from '@tutti/actors';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { agreedContract } from './agreed-contract.ts';
import { renderPage } from './page.ts';

interface CheckoutModule {
  readonly checkOut: (parts: {
    readonly client: object;
    readonly cart: object;
    readonly card: string;
    readonly keys: { readonly order: string; readonly payment: string };
  }) => Promise<unknown>;
}

/** "Checkout flow": the page, and the steps behind it tried against a client that records what it is asked. */
export async function buildCheckoutFlow(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const { contractDigest } = agreedContract(input);
  const { port, currency } = input.with as { port: number; currency: string };
  await folder.copyTemplates(['site/checkout.mjs', 'site/checkout-page.mjs']);
  const body = `      <form id="checkout">
        <label>Card <input name="card" inputmode="numeric" autocomplete="cc-number" required></label>
        <button>Pay</button>
      </form>
      <p role="alert"></p>
      <p><a href="cart.html">Back to the cart</a></p>`;
  const page = renderPage({ title: 'Checkout', body, scripts: ['checkout-page.mjs'] });
  const checks = await checkSteps(folder);
  return {
    page: await folder.write('site/checkout.html', page),
    checks: checks.passed,
    deployment: { contractDigest, port, currency },
  };
}

async function checkSteps(folder: OutputFolder): Promise<Checks> {
  const { checkOut } = (await import(pathToFileURL(folder.path('site/checkout.mjs')).href)) as CheckoutModule;
  const asked: unknown[] = [];
  const items = [{ sku: 'any', quantity: 1 }];
  const client = {
    placeOrder: async (request: unknown) => (asked.push(request), { id: 'order-1' }),
    payOrder: async (request: unknown) => (asked.push(request), { status: 'paid' }),
  };
  let cleared = 0;
  const cart = { lines: () => items, clear: () => void cleared++ };
  await checkOut({ client, cart, card: '4000', keys: { order: 'key-order', payment: 'key-payment' } });
  const checks = new Checks();
  checks.equal('order, then payment, each with its key', asked, [
    { body: { idempotencyKey: 'key-order', items } },
    { id: 'order-1', body: { idempotencyKey: 'key-payment', card: '4000' } },
  ]);
  const failing = { ...client, payOrder: async () => await Promise.reject(new Error('declined')) };
  const keys = { order: 'key-order', payment: 'key-payment' };
  await checkOut({ client: failing, cart, card: '4000', keys }).catch(() => undefined);
  checks.equal('the cart is emptied by the payment that worked, only', cleared, 1);
  return checks;
}

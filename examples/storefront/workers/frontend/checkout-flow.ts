import { pathToFileURL } from 'node:url';
import type { WorkInput } from '@tutti/actors';
import { OutputFolder } from '../output-folder.ts';
import { Pace } from '../pace.ts';
import { agreedContract } from './agreed-contract.ts';
import { type CheckoutModule, exploreCheckout } from './checkout-model.ts';
import { renderPage } from './page.ts';

/** "Checkout flow": the page, and the steps behind it tried in every way that pressing its button can go. */
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
  const module = (await import(pathToFileURL(folder.path('site/checkout.mjs')).href)) as CheckoutModule;
  const waysTried = await exploreCheckout(module, new Pace(input.signal));
  return {
    page: await folder.write('site/checkout.html', page),
    waysTried,
    deployment_config: { contractDigest, port, currency },
  };
}

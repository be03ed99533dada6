import { pathToFileURL } from 'node:url';
import type { WorkInput } from '@tutti/actors';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { renderPage } from './page.ts';

interface AccountModule {
  readonly loadDashboard: (client: object) => Promise<{ paid: number; spentCents: number }>;
}

/** "User account dashboard": signing in, and the orders of whoever is signed in. */
export async function buildAccountDashboard(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  await folder.copyTemplates(['site/account.mjs', 'site/account-page.mjs']);
  const body = `      <p id="who"></p>
      <table><thead><tr><th>Order</th><th>State</th><th>Total</th></tr></thead><tbody id="orders"></tbody></table>
      <form id="sign-in">
        <label>E-mail <input name="email" type="email" autocomplete="username" required></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
        <button>Sign in</button>
      </form>
      <p role="alert"></p>
      <p><a href="admin.html">Back office</a></p>`;
  const { loadDashboard } = (await import(
    pathToFileURL(folder.path('site/account.mjs')).href
  )) as AccountModule;
  const orders = [
    { status: 'paid', totalCents: 1_200 },
    { status: 'cancelled', totalCents: 9_900 },
    { status: 'paid', totalCents: 800 },
  ];
  const client = { readAccount: async () => ({}), listOrders: async () => ({ items: orders }) };
  const { paid, spentCents } = await loadDashboard(client);
  const checks = new Checks();
  checks.equal('only paid orders count', { paid, spentCents }, { paid: 2, spentCents: 2_000 });
  const page = renderPage({ title: 'Account', body, scripts: ['account-page.mjs'] });
  return { page: await folder.write('site/account.html', page), checks: checks.passed };
}

import { pathToFileURL } from 'node:url';
import type { WorkInput } from '@tutti/actors';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { renderPage } from './page.ts';

interface AdminModule {
  readonly loadShortages: (
    client: object,
    below: number,
  ) => Promise<{ short: { sku: string }[]; total: number }>;
}

/** "Admin product management": what runs out soonest, and a form to set price and stock. */
export async function buildAdminProducts(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  await folder.copyTemplates(['site/admin.mjs', 'site/admin-page.mjs']);
  const body = `      <table><thead><tr><th>Product</th><th>Left</th><th>Reserved</th></tr></thead><tbody id="shortages"></tbody></table>
      <form id="restock">
        <label>Product <input name="sku" required></label>
        <label>Price <input name="price" type="number" min="0.01" step="0.01" required></label>
        <label>Stock <input name="onHand" type="number" min="0" required></label>
        <button>Save</button>
      </form>
      <p role="alert"></p>`;
  const { loadShortages } = (await import(pathToFileURL(folder.path('site/admin.mjs')).href)) as AdminModule;
  const items = [3, 24, 25, 80].map((available) => ({ sku: `sku-${available}`, available }));
  const shortages = await loadShortages({ readInventory: async () => ({ items, total: 4 }) }, 25);
  const checks = new Checks();
  checks.equal(
    'what counts as short',
    shortages.short.map(({ sku }) => sku),
    ['sku-3', 'sku-24'],
  );
  const page = renderPage({ title: 'Back office', body, scripts: ['admin-page.mjs'] });
  return { page: await folder.write('site/admin.html', page), checks: checks.passed };
}

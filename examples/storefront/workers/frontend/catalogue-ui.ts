import { pathToFileURL } from 'node:url';
import type { WorkInput } from '@tutti/actors';
import { type Catalogue, type CatalogueProduct, imageName, loadCatalogue, sha256 } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { Pace } from '../pace.ts';
import { expectedContract } from './expected-contract.ts';
import { escapeHtml, renderPage, showPrice } from './page.ts';
import { encodePng } from './png.ts';
import { paintProduct } from './product-image.ts';
import { buildSearchIndex, type SearchIndex } from './search-index.ts';

const WIDTHS = { small: 40, medium: 96, large: 192 } as const;

interface SearchModule {
  readonly createSearch: (
    index: SearchIndex,
  ) => (text: string, limit: number) => { sku: string; title: string }[];
}

/**
 * "Product catalog UI": drafts which calls the pages will make (what the frontend brings to the contract meeting) and
 * builds what needs no call: the pictures, the search index and the pages of the catalogue.
 */
export async function buildCatalogueUi(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const pace = new Pace(input.signal);
  const catalogue = await loadCatalogue();
  const images = await paintAll(folder, catalogue, pace);
  await folder.copyTemplates(['site/styles.css', 'site/search.mjs', 'site/search-page.mjs']);
  const index = await buildSearchIndex(catalogue, pace);
  const searchIndex = await folder.write('site/search-index.json', JSON.stringify(index));
  await checkSearch(folder, catalogue, index);
  const pages = await writePages(folder, catalogue);
  const alsoReads = input.with['alsoReads'] as Parameters<typeof expectedContract>[0];
  return {
    contract: expectedContract(alsoReads),
    pages: 'site/index.html',
    searchIndex,
    images: await folder.writeJson('site/images/manifest.json', images),
    counts: { pages, images: Object.keys(images).length, entries: index.skus.length },
  };
}

/** Every product in every colour and size. Returns the digest of each picture by its name. */
async function paintAll(
  folder: OutputFolder,
  catalogue: Catalogue,
  pace: Pace,
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const product of catalogue.products) {
    for (const colour of catalogue.colours) {
      for (const size of ['small', 'medium', 'large'] as const) {
        const png = await encodePng(await paintProduct(product, colour.hex, WIDTHS[size], pace));
        const name = imageName(product.id, colour.name, size).slice(1);
        await folder.write(name, png);
        digests[name] = sha256(png);
      }
    }
  }
  return digests;
}

async function checkSearch(folder: OutputFolder, catalogue: Catalogue, index: SearchIndex): Promise<void> {
  const { createSearch } = (await import(pathToFileURL(folder.path('site/search.mjs')).href)) as SearchModule;
  const search = createSearch(index);
  const checks = new Checks();
  for (const { id, title } of catalogue.products) {
    const [first] = search(`${title} moss engraved`, 5);
    checks.holds(`searching for ${title}`, first?.sku.startsWith(`${id}-moss-`) === true, first, id);
  }
}

async function writePages(folder: OutputFolder, catalogue: Catalogue): Promise<number> {
  const categories = [...new Set(catalogue.products.map(({ category }) => category))];
  for (const product of catalogue.products) {
    await folder.write(`site/product-${product.id}.html`, productPage(product, catalogue));
  }
  for (const category of categories) {
    const products = catalogue.products.filter((product) => product.category === category);
    await folder.write(`site/category-${category}.html`, listPage(category, products, catalogue));
  }
  await folder.write('site/index.html', homePage(categories, catalogue));
  return catalogue.products.length + categories.length + 1;
}

function homePage(categories: readonly string[], catalogue: Catalogue): string {
  const links = categories.map((name) => `<a href="category-${name}.html">${name}</a>`).join(' ');
  const body = `      <form id="search"><input name="q" type="search" aria-label="Search"><button>Search</button></form>
      <ol id="results"></ol>
      <p class="categories">${links}</p>
${cards(catalogue.products, catalogue)}`;
  return renderPage({ title: 'Everything', body, scripts: ['search-page.mjs'] });
}

function listPage(title: string, products: readonly CatalogueProduct[], catalogue: Catalogue): string {
  return renderPage({ title, body: cards(products, catalogue) });
}

function cards(products: readonly CatalogueProduct[], { colours, currency }: Catalogue): string {
  const first = colours[0]?.name ?? '';
  const items = products.map(({ id, title, priceCents }) => {
    const image = imageName(id, first, 'medium').slice('/site/'.length);
    const label = `${escapeHtml(title)}<br>from ${showPrice(Math.round(priceCents * 0.8), currency)}`;
    return `        <li><a href="product-${id}.html"><img src="${image}" alt="">${label}</a></li>`;
  });
  return `      <ul class="cards">\n${items.join('\n')}\n      </ul>`;
}

function productPage({ id, title, description }: CatalogueProduct, catalogue: Catalogue): string {
  const pictures = catalogue.colours.map(({ name }) => {
    const image = imageName(id, name, 'large').slice('/site/'.length);
    return `        <img src="${image}" alt="${escapeHtml(`${title} in ${name}`)}" width="192" height="192">`;
  });
  const choice = (name: string, values: readonly { readonly name: string }[]) =>
    `<select name="${name}">${values.map((value) => `<option>${value.name}</option>`).join('')}</select>`;
  const body = `      <p>${escapeHtml(description)}</p>
      <div class="pictures">
${pictures.join('\n')}
      </div>
      <form id="choice" data-product="${id}">
        ${choice('colour', catalogue.colours)} ${choice('size', catalogue.sizes)} ${choice('finish', catalogue.finishes)}
        <button>Put into the cart</button>
        <output></output>
      </form>`;
  return renderPage({ title, body, scripts: ['product-page.mjs'] });
}

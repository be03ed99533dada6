import { type Catalogue, variants } from '../catalogue.ts';
import type { Pace } from '../pace.ts';

/** What the browser loads: `postings[term]` holds pairs of a document's number and a weight. */
export interface SearchIndex {
  readonly skus: readonly string[];
  readonly titles: readonly string[];
  readonly postings: Readonly<Record<string, readonly number[]>>;
}

/** The usual constants of BM25 (Robertson and Zaragoza, 2009, section 3.4). */
const SATURATION = 1.2;
const LENGTH_WEIGHT = 0.75;

/** Weights are kept as whole thousandths, which halves the file and does not change the order. */
const WEIGHT_SCALE = 1_000;

/** Words of the title count three times as much as those of the description. */
const TITLE_FACTOR = 3;

/** An inverted index over every variant, weighted by BM25 at build time so that the browser only adds up. */
export async function buildSearchIndex(catalogue: Catalogue, pace: Pace): Promise<SearchIndex> {
  const documents: { sku: string; title: string; counts: Map<string, number>; length: number }[] = [];
  const documentCounts = new Map<string, number>();
  for (const { sku, title, description, category } of variants(catalogue)) {
    const counts = new Map<string, number>();
    for (const term of termsOf(title)) counts.set(term, (counts.get(term) ?? 0) + TITLE_FACTOR);
    for (const term of termsOf(`${description} ${category}`)) counts.set(term, (counts.get(term) ?? 0) + 1);
    for (const term of counts.keys()) documentCounts.set(term, (documentCounts.get(term) ?? 0) + 1);
    documents.push({
      sku,
      title,
      counts,
      length: [...counts.values()].reduce((sum, count) => sum + count, 0),
    });
    await pace.next();
  }
  const meanLength = documents.reduce((sum, { length }) => sum + length, 0) / documents.length;
  const postings = new Map<string, number[]>();
  for (const [number, { counts, length }] of documents.entries()) {
    const norm = SATURATION * (1 - LENGTH_WEIGHT + (LENGTH_WEIGHT * length) / meanLength);
    for (const [term, count] of counts) {
      const having = documentCounts.get(term) ?? 0;
      const rarity = Math.log(1 + (documents.length - having + 0.5) / (having + 0.5));
      const weight = (rarity * count * (SATURATION + 1)) / (count + norm);
      const list = postings.get(term) ?? [];
      list.push(number, Math.round(weight * WEIGHT_SCALE));
      postings.set(term, list);
    }
    await pace.next();
  }
  return {
    skus: documents.map(({ sku }) => sku),
    titles: documents.map(({ title }) => title),
    postings: Object.fromEntries([...postings].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function termsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]{2,}/g) ?? [];
}

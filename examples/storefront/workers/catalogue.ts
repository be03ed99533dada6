import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CatalogueProduct {
  readonly id: string;
  readonly title: string;
  readonly category: string;
  readonly description: string;
  readonly priceCents: number;
  readonly shape: 'round' | 'tall' | 'wide' | 'folded';
}

export interface Catalogue {
  readonly currency: string;
  readonly colours: readonly { readonly name: string; readonly hex: string }[];
  readonly sizes: readonly { readonly name: string; readonly priceFactor: number }[];
  readonly finishes: readonly { readonly name: string; readonly surchargeCents: number }[];
  readonly products: readonly CatalogueProduct[];
}

/** One thing that can be bought. */
export interface Variant {
  readonly sku: string;
  readonly productId: string;
  readonly title: string;
  readonly category: string;
  readonly description: string;
  readonly priceCents: number;
  readonly image: string;
  readonly colour: string;
}

export async function loadCatalogue(): Promise<Catalogue> {
  return JSON.parse(await readFile(join(import.meta.dirname, '..', 'catalogue.json'), 'utf8')) as Catalogue;
}

/** Every product in every colour, size and finish: always the same list in the same order. */
export function* variants(catalogue: Catalogue): Generator<Variant> {
  for (const product of catalogue.products) {
    for (const colour of catalogue.colours) {
      for (const size of catalogue.sizes) {
        for (const finish of catalogue.finishes) {
          const name = [product.title, colour.name, size.name, finish.name].join(', ');
          yield {
            sku: [product.id, colour.name, size.name, finish.name].join('-'),
            productId: product.id,
            title: name,
            category: product.category,
            description: product.description,
            priceCents: Math.round(product.priceCents * size.priceFactor) + finish.surchargeCents,
            image: imageName(product.id, colour.name, 'medium'),
            colour: colour.name,
          };
        }
      }
    }
  }
}

export type ImageSize = 'small' | 'medium' | 'large';

/** The address of an image, seen from the root of the service. */
export function imageName(productId: string, colour: string, size: ImageSize): string {
  return `/site/images/${productId}-${colour}-${size}.png`;
}

/** A number from 0 to below `range` that depends on `text` alone. */
export function drawn(text: string, range: number): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) % range;
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

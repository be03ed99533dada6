import type { CatalogueProduct } from '../catalogue.ts';
import type { Pace } from '../pace.ts';
import type { Raster } from './png.ts';

type Colour = readonly [number, number, number];

const PAPER: Colour = [246, 243, 236];
const SHADOW_DEPTH = 0.35;

/** Half width, half height and corner radius of each silhouette, as parts of the picture's width. */
const SILHOUETTES = {
  round: [0.3, 0.3, 0.3],
  tall: [0.16, 0.36, 0.08],
  wide: [0.38, 0.17, 0.06],
  folded: [0.28, 0.3, 0.02],
} as const;

/** Paints the silhouette of a product: a rounded box by its distance function, lit from the upper left. */
export async function paintProduct(
  { id, shape }: CatalogueProduct,
  hex: string,
  width: number,
  pace: Pace,
): Promise<Raster> {
  const pixels = new Uint8Array(width * width * 3);
  const tint = parseHex(hex);
  const [halfWidth, halfHeight, radius] = SILHOUETTES[shape];
  const grain = id.length / 9;
  for (let y = 0; y < width; y++) {
    for (let x = 0; x < width; x++) {
      const u = (x + 0.5) / width - 0.5;
      const v = (y + 0.5) / width - 0.5;
      const inside = edge(distance(u, v, halfWidth, halfHeight, radius), width);
      const shadow = edge(distance(u - 0.03, v - 0.05, halfWidth, halfHeight, radius), width / 12);
      const light = 1.05 - 0.5 * (u + v) + 0.05 * Math.sin((u * grain + v) * 40);
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const ground = (PAPER[channel] ?? 0) * (1 - SHADOW_DEPTH * shadow);
        const painted = (tint[channel] ?? 0) * light;
        pixels[at + channel] = Math.max(0, Math.min(255, Math.round(ground + (painted - ground) * inside)));
      }
    }
    await pace.next();
  }
  return { width, height: width, pixels };
}

/** Signed distance to a rounded box: below zero inside. */
function distance(u: number, v: number, halfWidth: number, halfHeight: number, radius: number): number {
  const dx = Math.abs(u) - halfWidth + radius;
  const dy = Math.abs(v) - halfHeight + radius;
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - radius;
}

/** From 1 inside to 0 outside, over about one pixel of a picture of this width. */
function edge(distance: number, width: number): number {
  return Math.max(0, Math.min(1, 0.5 - distance * width));
}

function parseHex(hex: string): Colour {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

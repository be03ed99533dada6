import { randomUUID } from 'node:crypto';
import type { WorkInput } from '@tutti/actors';
import { DEMONSTRATION_ADMIN, demonstrationCustomer } from '../backend/authentication.ts';
import { cardNumber } from '../backend/payments.ts';
import { drawn, loadCatalogue, type Variant, variants } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { call, refusal, signIn } from '../service-client.ts';
import { type RunningService, withService } from '../service-process.ts';

type Load = {
  readonly requests: number;
  /** Requests that are under way at once. */
  readonly concurrency: number;
  readonly buyers: number;
  /** Pieces of the one product that all buyers want. */
  readonly stock: number;
  /** A ceiling that only something badly wrong would reach, so that a busy machine fails no release. */
  readonly p95MsMax: number;
};

/**
 * "Performance testing": people browsing all at once, with the times of their answers, and then more buyers than
 * there are pieces of one product: exactly as many orders as pieces, whatever the interleaving.
 */
export async function testPerformance(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const load = input.with as Load;
  const checks = new Checks();
  const { timesMs, elapsedMs, rush } = await withService(input, async (service) => ({
    ...(await browse(service, input.signal, load, checks)),
    rush: await buyOut(service, input.signal, load, checks),
  }));
  const sorted = timesMs.toSorted((a, b) => a - b);
  const measured = {
    p50Ms: percentile(sorted, 0.5),
    p95Ms: percentile(sorted, 0.95),
    requestsPerSecond: Math.round((timesMs.length / elapsedMs) * 1_000),
  };
  checks.holds(
    '95th percentile',
    measured.p95Ms <= load.p95MsMax,
    measured.p95Ms,
    `at most ${load.p95MsMax} ms`,
  );
  return {
    report: await folder.writeJson('reports/performance.json', {
      load,
      measured,
      rush,
      checks: checks.passed,
    }),
    requests: timesMs.length,
    ...rush,
    // The only part of any result that differs from run to run.
    measured,
  };
}

/** Each of `concurrency` visitors asks for the next thing as soon as the last answer is there. */
async function browse(service: RunningService, signal: AbortSignal, load: Load, checks: Checks) {
  const all = [...variants(await loadCatalogue())];
  const timesMs: number[] = [];
  const failures: number[] = [];
  let next = 0;
  const begun = performance.now();
  const visitor = async () => {
    while (next < load.requests) {
      const path = visit(next++, all);
      const asked = performance.now();
      const { status } = await call(service, signal, path);
      timesMs.push(performance.now() - asked);
      if (status !== 200) failures.push(status);
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, visitor));
  checks.equal('answers that were no success', failures, []);
  return { timesMs, elapsedMs: performance.now() - begun };
}

function visit(index: number, all: readonly Variant[]): string {
  const variant = all[drawn(`visit:${index}`, all.length)] ?? all[0];
  if (index % 4 === 0) return `/products?category=${variant?.category}&limit=12`;
  if (index % 4 === 1) return `/products?q=${encodeURIComponent(variant?.title.split(',')[0] ?? '')}`;
  return `/products/${variant?.sku}`;
}

async function buyOut(service: RunningService, signal: AbortSignal, load: Load, checks: Checks) {
  const wanted = [...variants(await loadCatalogue())].at(-1)?.sku ?? '';
  const admin = await signIn(service, signal, DEMONSTRATION_ADMIN);
  const put = { method: 'PUT', token: admin, body: { priceCents: 9_900, onHand: load.stock } };
  checks.equal('stocking up', (await call(service, signal, `/admin/products/${wanted}`, put)).status, 200);
  const tokens = await Promise.all(
    [1, 2, 3, 4].map((number) => signIn(service, signal, demonstrationCustomer(number))),
  );
  const outcomes = await Promise.all(
    Array.from({ length: load.buyers }, async (_, index) => {
      const token = tokens[index % tokens.length] ?? '';
      return await buyOne(service, signal, token, wanted, index);
    }),
  );
  const count = (outcome: string) => outcomes.filter((one) => one === outcome).length;
  const rush = { buyers: load.buyers, sold: count('paid'), soldOut: count('OUT_OF_STOCK') };
  checks.equal('nothing is sold twice and nothing is left', rush, {
    buyers: load.buyers,
    sold: load.stock,
    soldOut: load.buyers - load.stock,
  });
  const left = (await call(service, signal, `/products/${wanted}`)).body as { available: number };
  checks.equal('pieces left', left.available, 0);
  return rush;
}

async function buyOne(
  service: RunningService,
  signal: AbortSignal,
  token: string,
  sku: string,
  index: number,
): Promise<string> {
  const body = { idempotencyKey: randomUUID(), items: [{ sku, quantity: 1 }] };
  const placed = await call(service, signal, '/orders', { method: 'POST', token, body });
  if (placed.status !== 201) return refusal(placed) ?? `status ${placed.status}`;
  const payment = { idempotencyKey: randomUUID(), card: cardNumber(`rush:${index}`) };
  const { id } = placed.body as { id: string };
  const paid = await call(service, signal, `/orders/${id}/payment`, { method: 'POST', token, body: payment });
  return paid.status === 200 ? 'paid' : (refusal(paid) ?? `status ${paid.status}`);
}

function percentile(sorted: readonly number[], part: number): number {
  return Number((sorted[Math.ceil(sorted.length * part) - 1] ?? 0).toFixed(2));
}

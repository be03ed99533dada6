import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createNode, type TuttiNode } from 'tutti';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { buildService } from './service.ts';

const folders: string[] = [];
const nodes: TuttiNode[] = [];
const processes: ChildProcess[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-service-'));
  folders.push(folder);
  return folder;
}

async function startInProcess(dataDir?: string) {
  const node = createNode(dataDir === undefined ? {} : { dataDir });
  nodes.push(node);
  const service = buildService(node);
  await node.start();
  return { node, service };
}

/** Starts the service as its README says, and gives its address once it listens. */
async function startProcess(data: string): Promise<{ child: ChildProcess; origin: string }> {
  const server = join(import.meta.dirname, 'server.ts');
  const child = spawn(process.execPath, [server, '--port', '0', '--data', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.push(child);
  for await (const text of createInterface({ input: child.stdout })) {
    const { listening } = JSON.parse(text) as { listening: { port: number } };
    return { child, origin: `http://127.0.0.1:${listening.port}` };
  }
  throw new Error('the service ended before it listened');
}

async function post(origin: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${origin}${path}`, {
    method: 'POST',
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return await response.json();
}

afterEach(async () => {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

describe('a service that embeds a node', () => {
  it('keeps a cart for each customer', async () => {
    const { service } = await startInProcess();
    await service.inject({ method: 'POST', url: '/carts/ada/lines', payload: { sku: 'tea', quantity: 2 } });
    const added = await service.inject({
      method: 'POST',
      url: '/carts/ada/lines',
      payload: { sku: 'cup', quantity: 1 },
    });
    expect(added.json()).toEqual({ lines: { tea: 2, cup: 1 }, orders: 0, lastOrder: {} });
    const removed = await service.inject({ method: 'DELETE', url: '/carts/ada/lines/cup' });
    expect(removed.json()).toMatchObject({ lines: { tea: 2 } });
    const other = await service.inject({ method: 'GET', url: '/carts/grace' });
    expect(other.json()).toMatchObject({ lines: {} });
    const ordered = await service.inject({ method: 'POST', url: '/carts/ada/order' });
    expect(ordered.json()).toEqual({ lines: {}, orders: 1, lastOrder: { tea: 2 } });
  });

  it('carries out a repeated request once', async () => {
    const { service } = await startInProcess();
    const request = {
      method: 'POST',
      url: '/carts/ada/lines',
      headers: { 'idempotency-key': 'first-request' },
      payload: { sku: 'tea', quantity: 2 },
    } as const;
    await Promise.all([service.inject(request), service.inject(request)]);
    expect((await service.inject(request)).json()).toMatchObject({ lines: { tea: 2 } });
  });

  it('answers what it cannot do with a reason, and leaves the cart as it was', async () => {
    const { service } = await startInProcess();
    const empty = await service.inject({ method: 'POST', url: '/carts/ada/order' });
    expect([empty.statusCode, empty.json().error.code]).toEqual([409, 'CART_EMPTY']);
    const line = { method: 'POST', url: '/carts/ada/lines' } as const;
    await service.inject({ ...line, payload: { sku: 'tea', quantity: 15 } });
    const many = await service.inject({ ...line, payload: { sku: 'tea', quantity: 6 } });
    expect([many.statusCode, many.json().error.code]).toEqual([409, 'TOO_MANY']);
    expect((await service.inject({ ...line, payload: { sku: 'tea', quantity: 0 } })).statusCode).toBe(400);
    const cart = await service.inject({ method: 'GET', url: '/carts/ada' });
    expect(cart.json()).toMatchObject({ lines: { tea: 15 } });
  });

  it('finds its carts again after a stop', async () => {
    const dataDir = await newFolder();
    const first = await startInProcess(dataDir);
    await first.service.inject({
      method: 'POST',
      url: '/carts/ada/lines',
      payload: { sku: 'tea', quantity: 2 },
    });
    await first.node.stop();
    const second = await startInProcess(dataDir);
    const cart = await second.service.inject({ method: 'GET', url: '/carts/ada' });
    expect(cart.json()).toMatchObject({ lines: { tea: 2 } });
  });

  it('has every cart that it answered about when its process is killed', async () => {
    const data = await newFolder();
    const first = await startProcess(data);
    await post(first.origin, '/carts/ada/lines', { sku: 'tea', quantity: 2 });
    await post(first.origin, '/carts/ada/order');
    await post(first.origin, '/carts/ada/lines', { sku: 'cup', quantity: 3 });
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const second = await startProcess(data);
    const cart = await (await fetch(`${second.origin}/carts/ada`)).json();
    expect(cart).toEqual({ lines: { cup: 3 }, orders: 1, lastOrder: { tea: 2 } });
  });
});

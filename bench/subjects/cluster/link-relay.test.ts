import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { LinkRelay } from './link-relay.ts';

const server = createServer((socket) => socket.pipe(socket));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const relay = await LinkRelay.open((server.address() as AddressInfo).port);
afterAll(() => {
  relay.close();
  server.close();
});

function call(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(relay.url).port), '127.0.0.1', () => resolve(socket));
  });
}

const echo = (socket: Socket, text: string) =>
  new Promise<string>((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    socket.write(text);
  });

test('a cut link is silent for old and new connections, and what was held back arrives when it heals', async () => {
  const old = await call();
  expect(await echo(old, 'before')).toBe('before');
  relay.cut();
  const heard: string[] = [];
  const during = await call();
  const answers = Promise.all([echo(old, 'held'), echo(during, 'new')]).then((all) => heard.push(...all));
  // A connection of its own goes round once meanwhile: time enough for anything that was not held back.
  const other = await LinkRelay.open((server.address() as AddressInfo).port);
  const beside = connect(Number(new URL(other.url).port), '127.0.0.1');
  expect(await echo(beside, 'beside')).toBe('beside');
  expect(heard).toEqual([]);
  relay.heal();
  await answers;
  expect(heard).toEqual(['held', 'new']);
  for (const socket of [old, during, beside]) socket.destroy();
  other.close();
});

// The other end of raw links: counts what arrives in frames of MessagePack, and sends back what is to be echoed.
import { createServer } from 'node:net';
import { Unpackr } from 'msgpackr';
import { WebSocketServer } from 'ws';
import { serve, tell } from '../../harness/fleet-member.ts';
import { TELL_EVERY } from './note.ts';

let count = 0;
const unpackr = new Unpackr();

function frames(): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket, request) => {
    const isEcho = request.url === '/echo';
    socket.on('message', (data: Buffer) => (isEcho ? socket.send(data) : take(data)));
  });
  return new Promise((resolve) => {
    server.once('listening', () => resolve((server.address() as { port: number }).port));
  });
}

function take(data: Buffer): void {
  const before = count;
  count += (unpackr.unpack(data) as unknown[]).length;
  if (Math.floor(before / TELL_EVERY) !== Math.floor(count / TELL_EVERY)) tell('received', count);
}

function tcpEcho(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer({ noDelay: true }, (socket) => void socket.pipe(socket));
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

serve({ frames, tcpEcho, count: () => count });

import { parseArgs } from 'node:util';
import { createNode } from 'tutti';
import { buildService } from './service.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '3000' }, data: { type: 'string', default: './data' } },
});
const node = createNode({
  dataDir: values.data,
  // This life of the node is over, and nothing brings it back: whoever watches the process starts the next one.
  onFatal: (failure) => {
    process.stderr.write(`${failure.message}\n`);
    process.exit(1);
  },
});
const service = buildService(node);
await node.start();
await service.listen({ port: Number(values.port), host: '127.0.0.1' });
process.stdout.write(`${JSON.stringify({ listening: service.server.address() })}\n`);

// First no more requests, then no more node: what was answered has been committed either way.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void service.close().then(() => node.stop()));
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createApp } from './app.mjs';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    database: { type: 'string', default: ':memory:' },
    'end-with-stdin': { type: 'boolean', default: false },
  },
});
const config = JSON.parse(readFileSync(join(root, 'service/config.json'), 'utf8'));
const server = createApp({ root, databasePath: values.database, config });

server.listen(Number(values.port ?? config.port), values.host, () => {
  process.stdout.write(`${JSON.stringify({ listening: server.address().port })}\n`);
});

function stop() {
  server.close(() => process.exit(0));
  server.closeAllConnections();
}

process.once('SIGTERM', stop);
process.once('SIGINT', stop);
// A starter that dies without a word, even by SIGKILL, closes this pipe: the service does not outlive it.
if (values['end-with-stdin']) process.stdin.once('end', stop).once('error', stop).resume();

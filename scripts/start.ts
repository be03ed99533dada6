// `npm start`: the main job. A real cluster of three nodes runs the storefront, loses its leader to kill -9 halfway,
// finishes, and shows what happened.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../packages/tutti/src/cli/program.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const plan = join(root, 'examples', 'storefront', 'plan.yaml');
const args = ['run', plan, '--nodes', '3', '--kill', 'leader@50%', '--out', join(root, 'tutti-out')];
// As in the executable: whoever reads standard output may stop early, and the clean-up goes on.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.exitCode = await runCommandLine([...args, ...process.argv.slice(2)]);

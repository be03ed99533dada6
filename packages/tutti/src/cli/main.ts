#!/usr/bin/env node
// The `tutti` executable.
import { runCommandLine } from './program.ts';

// Whoever reads standard output may stop early (`| head`); the clean-up goes on all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.exitCode = await runCommandLine(process.argv.slice(2));

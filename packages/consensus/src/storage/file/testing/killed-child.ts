/**
 * A program that lives through a scenario in a directory and kills itself on the way: `name directory point mode`. What
 * it was told outlives it in `directory.told`. With point 0 it lives on to the end, and prints the names of the calls
 * at which it could have been killed, as JSON.
 */
import { assert } from '@tutti/kernel';
import { scenarioNamed } from './kill-scenarios.ts';
import { type KillMode, KillSwitch, tell } from './kill-switch.ts';

const [name, directory, point, mode] = process.argv.slice(2);
assert(name && directory, 'a scenario and a directory are given');
const kill = new KillSwitch(Number(point), mode as KillMode);
await scenarioNamed(name).run(directory, kill, (fact) => tell(`${directory}.told`, fact));
process.stdout.write(JSON.stringify(kill.passed));

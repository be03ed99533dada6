// A program that lives through a rescue of a cluster and kills itself on the way, as `killed-child.ts` of the log store
// does: `name directory point mode`. The rescue calls Node's file system itself, so the switch goes into that.
import {
  type KillMode,
  KillSwitch,
  tell,
} from '../../packages/consensus/src/storage/file/testing/kill-switch.ts';
import { RESCUE_SCENARIOS } from './rescue-scenarios.ts';

const [name, directory, point, mode] = process.argv.slice(2);
const scenario = RESCUE_SCENARIOS.find((one) => one.name === name)!;
const kill = new KillSwitch(Number(point), mode as KillMode);
const takeOut = kill.intoNode();
await scenario.run(directory!, kill, (fact) => {
  takeOut();
  tell(`${directory!}.told`, fact);
});
process.stdout.write(JSON.stringify(kill.passed));

// The process of one sample: it loads the one subject, measures once, says what came out, and ends.
import { benchDisk } from './bench-disk.ts';
import { fleetProfiles } from './fleet.ts';
import { PROFILE_VARIABLE } from './fleet-member.ts';
import { busiest, startProfile } from './profile.ts';
import { loadCases } from './registry.ts';
import { removeSampleFolder } from './sample-folder.ts';
import type { SampleAnswer, SampleRequest } from './sample-messages.ts';

async function answer({ caseId, subjectId, sizes }: SampleRequest): Promise<SampleAnswer> {
  try {
    const [found] = await loadCases([caseId]);
    const subject = found?.subjects.find(({ id }) => id === subjectId);
    if (!subject) throw new Error(`there is no subject ${subjectId} in case ${caseId}`);
    const run = await subject.load();
    if (process.env[PROFILE_VARIABLE] === undefined)
      return { type: 'measured', measurement: await run(sizes) };
    const endProfile = await startProfile();
    const measurement = await run(sizes);
    const profile = busiest([await endProfile(), ...(await fleetProfiles())]);
    return { type: 'measured', measurement, ...(profile ? { profile } : {}) };
  } catch (thrown) {
    return {
      type: 'failed',
      problem: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    };
  }
}

process.once('message', (request: SampleRequest) => {
  void answer(request).then((message) => process.send!(message, () => process.exit(0)));
});
// Whoever asked is gone, so nobody wants the answer, and nobody else ends what this sample has started: it would run on
// beside the next one that is measured.
process.once('disconnect', () => {
  try {
    removeSampleFolder(benchDisk());
  } finally {
    process.kill(-process.pid, 'SIGKILL');
  }
});

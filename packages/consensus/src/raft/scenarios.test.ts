import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ScenarioStage } from './testing/scenario-stage.ts';
import { parseScenario, scenarioText } from './testing/scenario-text.ts';

/** Set to 1, transcripts are written instead of compared; the difference is then read by a person. */
const REWRITES = process.env['TUTTI_REWRITE_SCENARIOS'] === '1';
const FOLDER = new URL('scenarios/', import.meta.url);

describe('a scenario', () => {
  for (const file of readdirSync(FOLDER).sort())
    test(file.replace('.txt', '').replaceAll('-', ' '), () => {
      const path = new URL(file, FOLDER);
      const text = readFileSync(path, 'utf8');
      const steps = parseScenario(text);
      const stage = new ScenarioStage();
      const transcripts = steps.map((step) => stage.play(step));
      if (REWRITES) writeFileSync(path, scenarioText(steps, transcripts));
      else expect(scenarioText(steps, transcripts)).toBe(text);
      stage.proveLiveness();
    });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkLinearizable } from './check.ts';
import { describeVerdict } from './describe-verdict.ts';
import { keyValueModel } from './models/key-value.ts';
import { registerModel } from './models/register.ts';
import { parseKeyValueLog, parseRegisterLog } from './testing/recorded-histories.ts';

const checkout = fileURLToPath(new URL('../../../../', import.meta.url));
/** The collection: where `TUTTI_RECORDED_HISTORIES` says, or beside the checkout. */
const recordedHistories =
  process.env['TUTTI_RECORDED_HISTORIES'] ?? join(checkout, '..', 'shared', 'data', 'linearizability');

function recordedFiles(folder: string): string[] {
  const path = join(recordedHistories, folder);
  return existsSync(path) ? readdirSync(path).sort() : [];
}

const readRecorded = (folder: string, file: string): string =>
  readFileSync(join(recordedHistories, folder, file), 'utf8');

const REGISTER_LINEARIZABLE = ['002', '018', '038', '048'].map((number) => `etcd_${number}.log`);
const registers = recordedFiles('jepsen');
const stores = recordedFiles('kv');
const named = (files: readonly string[]): readonly string[] =>
  files.length > 0 ? files : [`(absent: TUTTI_RECORDED_HISTORIES says where, else ${recordedHistories})`];

describe('recorded histories with known verdicts', () => {
  test.skipIf(registers.length === 0).each(named(registers))('register %s', (file) => {
    const operations = parseRegisterLog(readRecorded('jepsen', file));
    expect(operations.length).toBeGreaterThan(50);
    const verdict = checkLinearizable(operations, registerModel);
    const expected = REGISTER_LINEARIZABLE.includes(file) ? 'linearizable' : 'violated';
    expect(verdict.verdict, describeVerdict(verdict, registerModel)).toBe(expected);
  });

  test.skipIf(stores.length === 0).each(named(stores))('key-value store %s', (file) => {
    const operations = parseKeyValueLog(readRecorded('kv', file));
    expect(operations.length).toBeGreaterThan(30);
    const verdict = checkLinearizable(operations, keyValueModel);
    const expected = file.includes('-ok') ? 'linearizable' : 'violated';
    expect(verdict.verdict, describeVerdict(verdict, keyValueModel)).toBe(expected);
  });
});

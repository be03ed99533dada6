import type { WorkInput } from '@tutti/actors';
import { sha256 } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { type AccountsModule, loadModule, scratchDatabase } from './service-modules.ts';

export interface Account {
  readonly email: string;
  readonly name: string;
  readonly role: 'customer' | 'admin';
  readonly salt: string;
  readonly hash: string;
}

const CUSTOMERS = 40;

/** Two at a time: the hashes run on the thread pool, which the node's own disk work needs as well. */
const HASHES_AT_ONCE = 2;

/**
 * "User authentication": writes the module and hashes the passwords of the demonstration's accounts at full cost.
 * Their salts follow from the address, because a task that runs twice must give the same file twice; accounts that
 * people open get random ones.
 */
export async function buildAuthentication(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  await folder.copyTemplates(['service/accounts.mjs']);
  const module = await loadModule<AccountsModule>(folder, 'service/accounts.mjs');
  const accounts = await demonstrationAccounts(module, input.signal);
  const checks = await tryAccounts(folder, module);
  return {
    accounts: await folder.writeJson('accounts/demonstration.json', accounts),
    accountsModule: 'service/accounts.mjs',
    accountCount: accounts.length,
    checks: checks.passed,
  };
}

/** The customer with this number, from 1 up. */
export function demonstrationCustomer(number: number): { email: string; password: string } {
  return { email: `customer-${number}@storefront.example`, password: `a demonstration only, ${number}` };
}

export const DEMONSTRATION_ADMIN = {
  email: 'admin@storefront.example',
  password: 'a demonstration only, for the back office',
} as const;

async function demonstrationAccounts(module: AccountsModule, signal: AbortSignal): Promise<Account[]> {
  const wanted = [
    { ...DEMONSTRATION_ADMIN, name: 'Back office', role: 'admin' as const },
    ...Array.from({ length: CUSTOMERS }, (_, index) => ({
      ...demonstrationCustomer(index + 1),
      name: `Customer ${index + 1}`,
      role: 'customer' as const,
    })),
  ];
  const accounts: Account[] = [];
  for (let from = 0; from < wanted.length; from += HASHES_AT_ONCE) {
    signal.throwIfAborted();
    const batch = wanted.slice(from, from + HASHES_AT_ONCE).map(async ({ email, name, role, password }) => {
      const salt = sha256(`demonstration:${email}`).slice(0, 32);
      return { email, name, role, salt, hash: await module.hashPassword(password, salt) };
    });
    accounts.push(...(await Promise.all(batch)));
  }
  return accounts;
}

async function tryAccounts(folder: OutputFolder, { createAccounts }: AccountsModule): Promise<Checks> {
  const checks = new Checks();
  const database = await scratchDatabase(folder);
  let nowMs = 0;
  const accounts = createAccounts({ database, now: () => nowMs });
  const person = { email: 'Trial@storefront.example', name: 'Trial', password: 'correct horse battery' };
  try {
    await accounts.register(person);
    checks.equal('a second account with the address', await codeOf(accounts.register(person)), 'EMAIL_TAKEN');
    const { token, expiresAt } = await accounts.signIn(person);
    checks.equal(
      'a token stands for its account',
      accounts.authenticate(`Bearer ${token}`)?.role,
      'customer',
    );
    checks.equal('no token, no account', accounts.authenticate(undefined), undefined);
    const stored = database.prepare('SELECT token_hash AS hash FROM sessions').all();
    checks.equal('the token itself is not kept', JSON.stringify(stored).includes(token), false);
    nowMs = expiresAt;
    checks.equal('a token ends', accounts.authenticate(`Bearer ${token}`), undefined);
    const wrong = { ...person, password: 'wrong horse battery' };
    for (let index = 0; index < 5; index++) await codeOf(accounts.signIn(wrong));
    checks.equal('guessing is slowed down', await codeOf(accounts.signIn(person)), 'TOO_MANY_ATTEMPTS');
    nowMs += 60_001;
    checks.equal('and allowed again later', await codeOf(accounts.signIn(person)), undefined);
  } finally {
    database.close();
  }
  return checks;
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return await work.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}

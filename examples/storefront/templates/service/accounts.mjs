import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Problem } from './problem.mjs';

const derive = promisify(scrypt);
const SESSION_MS = 8 * 60 * 60 * 1_000;
const FAILURES_MAX = 5;
const FAILURE_WINDOW_MS = 60_000;
/** Bounds the memory of failed sign-ins; the oldest address is forgotten first. */
const FAILING_ADDRESSES_MAX = 10_000;

/** scrypt (RFC 7914) with 16 MiB of memory for each password. */
export async function hashPassword(password, salt) {
  const key = await derive(password, salt, 32, { N: 16_384, r: 8, p: 1, maxmem: 64 * 1024 * 1024 });
  return key.toString('hex');
}

/** Accounts, sign-in and bearer tokens. Only the hash of a token is kept. */
export function createAccounts({ database, now = Date.now }) {
  const find = database.prepare(
    'SELECT email, name, role, salt, password_hash AS hash FROM accounts WHERE email = ?',
  );
  const insert = database.prepare('INSERT INTO accounts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const open = database.prepare('INSERT INTO sessions VALUES (?, ?, ?)');
  const session = database.prepare(
    `SELECT a.email, a.name, a.role FROM sessions s JOIN accounts a USING (email)
      WHERE s.token_hash = ? AND s.expires_at > ?`,
  );
  const sweep = database.prepare('DELETE FROM sessions WHERE expires_at <= ?');
  const failures = new Map();

  async function register({ email, name, password }) {
    if (!/^[^\s@]{1,64}@[^\s@]{1,190}$/.test(email))
      throw new Problem(400, 'BAD_EMAIL', 'that is no e-mail address');
    const salt = randomBytes(16).toString('hex');
    const hash = await hashPassword(password, salt);
    if (insert.run(email.toLowerCase(), name, 'customer', salt, hash).changes === 0) {
      throw new Problem(409, 'EMAIL_TAKEN', 'this address has an account');
    }
    return { email: email.toLowerCase(), name, role: 'customer' };
  }

  async function signIn({ email, password }) {
    const address = email.toLowerCase();
    refuseGuessing(address);
    const account = find.get(address);
    // An unknown address costs the same hash, so that the time of the answer does not tell which addresses exist.
    const hash = await hashPassword(password, account?.salt ?? 'no such account');
    const right = account !== undefined && timingSafeEqual(Buffer.from(hash), Buffer.from(account.hash));
    if (!right) {
      countFailure(address);
      throw new Problem(401, 'BAD_CREDENTIALS', 'address or password is wrong');
    }
    failures.delete(address);
    sweep.run(now());
    const token = randomBytes(32).toString('base64url');
    const expiresAt = now() + SESSION_MS;
    open.run(digest(token), account.email, expiresAt);
    return { token, expiresAt, role: account.role };
  }

  function refuseGuessing(address) {
    const record = failures.get(address);
    if (record === undefined || record.count < FAILURES_MAX) return;
    const waitMs = record.since + FAILURE_WINDOW_MS - now();
    if (waitMs <= 0) failures.delete(address);
    else
      throw new Problem(429, 'TOO_MANY_ATTEMPTS', 'too many failed sign-ins', {
        'retry-after': String(Math.ceil(waitMs / 1_000)),
      });
  }

  function countFailure(address) {
    const record = failures.get(address) ?? { count: 0, since: now() };
    failures.set(address, { ...record, count: record.count + 1 });
    if (failures.size > FAILING_ADDRESSES_MAX) failures.delete(failures.keys().next().value);
  }

  /** The account that an `Authorization` header stands for, or undefined. */
  function authenticate(header) {
    const token = /^Bearer ([\w-]{43})$/.exec(header ?? '')?.[1];
    return token === undefined ? undefined : session.get(digest(token), now());
  }

  return { register, signIn, authenticate };
}

function digest(token) {
  return createHash('sha256').update(token).digest('hex');
}

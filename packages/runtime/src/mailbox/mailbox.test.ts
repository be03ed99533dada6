import { expect, test } from 'vitest';
import { Mailbox, MailboxPool } from './mailbox.ts';

const filled = (messages: number): Mailbox<object> => {
  const mailbox = new Mailbox<object>();
  for (let i = 0; i < messages; i++) mailbox.pushUser({ type: 'work' });
  while (mailbox.user.shift());
  return mailbox;
};

test('the pool gives back what fits its bound, whatever the sizes, and lets the rest go', () => {
  const small = filled(1);
  const large = filled(1_000);
  const pool = new MailboxPool<object>(small.capacity + large.capacity);
  pool.give(large);
  pool.give(small);
  pool.give(filled(1)); // one too many
  expect([pool.take(), pool.take()]).toEqual([small, large]);
  const fresh = pool.take();
  expect(fresh.capacity).toBe(new Mailbox<object>().capacity);
  pool.give(large); // what was taken no longer counts
  expect(pool.take()).toBe(large);
});

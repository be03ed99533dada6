import { createHmac } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { Problem } from './problem.mjs';

/** ISO/IEC 7812 check digit: doubles every second digit from the right. */
export function passesLuhn(number) {
  if (!/^\d{12,19}$/.test(number)) return false;
  let sum = 0;
  for (let index = 0; index < number.length; index++) {
    const digit = Number(number[number.length - 1 - index]);
    const weighted = index % 2 === 0 ? digit : digit * 2;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}

/** Stands in for the card network: a card whose number ends in 0002 is declined, as with the test cards of banks. */
export function fakeProvider(secret) {
  return async ({ idempotencyKey, amountCents, card }) => {
    await turn();
    const reference = createHmac('sha256', secret).update(`${idempotencyKey}:${amountCents}`).digest('hex');
    return { captured: !card.endsWith('0002'), reference: reference.slice(0, 24) };
  };
}

/**
 * Charges a card once for each idempotency key. The key is written before the provider is called, so a second
 * request with the same key meets either the first's result or `PAYMENT_IN_PROGRESS`, never a second charge.
 */
export function createPayments({ database, provider }) {
  const find = database.prepare(
    `SELECT order_id AS orderId, amount_cents AS amountCents, status, reference, card_last4 AS cardLast4
      FROM payments WHERE idempotency_key = ?`,
  );
  const begin = database.prepare("INSERT INTO payments VALUES (?, ?, ?, 'processing', '', ?)");
  const settle = database.prepare('UPDATE payments SET status = ?, reference = ? WHERE idempotency_key = ?');
  const abandon = database.prepare(
    "DELETE FROM payments WHERE idempotency_key = ? AND status = 'processing'",
  );

  async function charge({ idempotencyKey, orderId, amountCents, card }) {
    if (!passesLuhn(card)) throw new Problem(422, 'BAD_CARD', 'the card number fails its check digit');
    const earlier = find.get(idempotencyKey);
    if (earlier !== undefined) return repeat(earlier, orderId, amountCents);
    begin.run(idempotencyKey, orderId, amountCents, card.slice(-4));
    try {
      const { captured, reference } = await provider({ idempotencyKey, amountCents, card });
      settle.run(captured ? 'captured' : 'declined', reference, idempotencyKey);
    } catch (error) {
      abandon.run(idempotencyKey);
      throw error;
    }
    return { ...find.get(idempotencyKey), repeated: false };
  }

  function repeat(earlier, orderId, amountCents) {
    if (earlier.orderId !== orderId || earlier.amountCents !== amountCents) {
      throw new Problem(409, 'KEY_REUSED', 'this idempotency key belongs to another payment');
    }
    if (earlier.status === 'processing') {
      throw new Problem(409, 'PAYMENT_IN_PROGRESS', 'this payment is being made');
    }
    return { ...earlier, repeated: true };
  }

  return { charge };
}

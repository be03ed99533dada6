import { Checks } from '../expectation.ts';
import type { Pace } from '../pace.ts';

interface Keys {
  readonly order: string;
  readonly payment: string;
}

/** The module of the site that is judged here. */
export interface CheckoutModule {
  readonly newKeys: (newKey: () => string) => Keys;
  readonly keysAfter: (error: unknown, keys: Keys, newKey: () => string) => Keys;
  readonly checkOut: (parts: {
    readonly client: object;
    readonly cart: object;
    readonly card: string;
    readonly keys: Keys;
  }) => Promise<unknown>;
}

/** What may happen to one press of the button. An answer that is lost was given by a service that did its part. */
const FATES = ['paid', 'declined', 'order refused', 'order answer lost', 'payment answer lost'] as const;
type Fate = (typeof FATES)[number];

const PRESSES = 6;

/**
 * Tries every way in which up to six presses of the button can go, against the smallest service that keeps the
 * contract's promise on keys. Returns how many ways there were; none may order twice or charge twice, and the cart
 * is empty exactly when the customer has seen that they paid.
 */
export async function exploreCheckout(module: CheckoutModule, pace: Pace): Promise<number> {
  const ways = FATES.length ** PRESSES;
  for (let way = 0; way < ways; way++) {
    const fates = Array.from({ length: PRESSES }, (_, press) => {
      return FATES[Math.floor(way / FATES.length ** press) % FATES.length] ?? 'paid';
    });
    const seen = await press(module, fates);
    const wrong =
      seen.orders > 1 ||
      seen.charges > 1 ||
      (seen.cleared && seen.charges !== 1) ||
      seen.cleared !== seen.told;
    if (wrong)
      new Checks().equal(`presses that go ${fates.join(', ')}`, seen, 'one order, one charge, one cart');
    await pace.next();
  }
  return ways;
}

async function press({ checkOut, keysAfter, newKeys }: CheckoutModule, fates: readonly Fate[]) {
  const service = new ModelService();
  let number = 0;
  const newKey = () => `key-${++number}`;
  let keys = newKeys(newKey);
  let items = [{ sku: 'any', quantity: 1 }];
  let told = false;
  const cart = { lines: () => items, clear: () => void (items = []) };
  for (const fate of fates) {
    if (told) break;
    try {
      await checkOut({ client: service.client(fate), cart, card: '4000', keys });
      told = true;
    } catch (error) {
      keys = keysAfter(error, keys, newKey);
    }
  }
  return { orders: service.orders.size, charges: service.charges(), cleared: items.length === 0, told };
}

class ModelService {
  readonly orders = new Map<string, string>();
  readonly #payments = new Map<string, 'captured' | 'declined'>();

  charges(): number {
    return [...this.#payments.values()].filter((outcome) => outcome === 'captured').length;
  }

  client(fate: Fate): object {
    return {
      placeOrder: async ({ body }: { body: { idempotencyKey: string } }) => {
        if (fate === 'order refused') throw refusal('OUT_OF_STOCK');
        const id = this.orders.get(body.idempotencyKey) ?? `order-${this.orders.size + 1}`;
        this.orders.set(body.idempotencyKey, id);
        if (fate === 'order answer lost') throw refusal('LOST');
        return { id };
      },
      payOrder: async ({ body }: { body: { idempotencyKey: string } }) => {
        const outcome =
          this.#payments.get(body.idempotencyKey) ?? (fate === 'declined' ? 'declined' : 'captured');
        this.#payments.set(body.idempotencyKey, outcome);
        if (fate === 'payment answer lost') throw refusal('LOST');
        if (outcome === 'declined') throw refusal('CARD_DECLINED');
        return { status: 'paid' };
      },
    };
  }
}

function refusal(code: string): Error {
  return Object.assign(new Error(code), { code });
}

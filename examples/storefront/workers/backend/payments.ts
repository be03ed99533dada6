import type { WorkInput } from '@tutti/actors';
import { drawn } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { Pace } from '../pace.ts';
import { loadModule, type PaymentsModule, scratchDatabase } from './service-modules.ts';

const CARDS = 50_000;
const PAYMENTS = 8_000;

/**
 * "Payment processing integration": writes the module and tries it with every single-digit slip of many card numbers,
 * with declined cards, and with customers who press the button three times.
 */
export async function integratePayments(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const pace = new Pace(input.signal);
  await folder.copyTemplates(['service/payments.mjs']);
  const module = await loadModule<PaymentsModule>(folder, 'service/payments.mjs');
  const slips = await tryCheckDigit(module, pace);
  const charges = await tryCharges(folder, module, pace);
  return {
    paymentsReport: await folder.writeJson('payments/verification.json', { slips, charges }),
    paymentsModule: 'service/payments.mjs',
    slipsCaught: slips,
    ...charges,
  };
}

/** How the numbers end that the provider declines. */
export const DECLINED = '0002';

/** A card number that passes the check digit, the same for the same seed. */
export function cardNumber(seed: string, ending = ''): string {
  const body = `4${String(drawn(`a${seed}`, 1e7)).padStart(7, '0')}${String(drawn(`b${seed}`, 1e7)).padStart(7, '0')}`;
  const free = body.slice(0, 15 - ending.length);
  // With a fixed ending the digit before it is the one that makes the sum come out.
  for (let digit = 0; digit <= 9; digit++) {
    const number = `${free}${digit}${ending}`;
    if (luhnSum(number) % 10 !== 0) continue;
    // One in ten thousand would end by chance as the cards do that are declined.
    return ending === '' && number.endsWith(DECLINED) ? cardNumber(`${seed}+`) : number;
  }
  throw new Error(`no check digit for ${free}`);
}

/** Written again here, from the other end, so that the service's own check has something to be compared with. */
function luhnSum(number: string): number {
  const parity = number.length % 2;
  return Array.from(number).reduce((sum, character, index) => {
    const digit = Number(character);
    return sum + (index % 2 === parity ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit);
  }, 0);
}

async function tryCheckDigit({ passesLuhn }: PaymentsModule, pace: Pace): Promise<number> {
  const checks = new Checks();
  let caught = 0;
  for (let index = 0; index < CARDS; index++) {
    const card = cardNumber(String(index));
    const at = index % card.length;
    const slip = card.slice(0, at) + String((Number(card[at]) + 1 + (index % 9)) % 10) + card.slice(at + 1);
    if (!passesLuhn(card) || passesLuhn(slip)) checks.equal(`card ${card} and slip ${slip}`, false, true);
    caught++;
    await pace.next();
  }
  return caught;
}

async function tryCharges(folder: OutputFolder, module: PaymentsModule, pace: Pace) {
  const checks = new Checks();
  const database = await scratchDatabase(folder);
  const real = module.fakeProvider('trial');
  let provided = 0;
  const payments = module.createPayments({
    database,
    provider: (request) => {
      provided++;
      return real(request);
    },
  });
  const outcome = { captured: 0, declined: 0, repeated: 0, inProgress: 0 };
  try {
    for (let index = 0; index < PAYMENTS; index++) {
      const declined = index % 10 === 0;
      const request = {
        idempotencyKey: `trial-${index}`,
        orderId: `order-${index}`,
        amountCents: 100 + drawn(`amount:${index}`, 50_000),
        card: cardNumber(String(index), declined ? DECLINED : ''),
      };
      // Two presses at once and one later.
      const presses = await Promise.allSettled([payments.charge(request), payments.charge(request)]);
      const later = await payments.charge(request);
      if (presses[1].status === 'rejected') outcome.inProgress++;
      if (later.repeated) outcome.repeated++;
      outcome[later.status === 'captured' ? 'captured' : 'declined']++;
      await pace.next();
    }
  } finally {
    database.close();
  }
  checks.equal('charges of the provider', provided, PAYMENTS);
  checks.equal('outcomes', outcome, {
    captured: PAYMENTS - PAYMENTS / 10,
    declined: PAYMENTS / 10,
    repeated: PAYMENTS,
    inProgress: PAYMENTS,
  });
  return outcome;
}

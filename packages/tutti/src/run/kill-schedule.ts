import { type Random, TuttiError } from '@tutti/kernel';

/** Whom to kill with -9, and when: at a share of tasks done, or at a time after the session began. */
export interface PlannedKill {
  readonly target:
    | { readonly by: 'role'; readonly role: 'leader' | 'follower' }
    | { readonly by: 'node'; readonly id: string };
  readonly at:
    | { readonly by: 'share'; readonly share: number }
    | { readonly by: 'time'; readonly afterMs: number };
}

const FORM = /^([A-Za-z0-9._-]+)@(?:(\d+(?:\.\d+)?)%|(\d+(?:\.\d+)?)(ms|s))$/;

/**
 * Reads `leader@50%`, `follower@1.5s`, `n2@300ms`, or `random`, which draws both from the seed.
 * @throws TuttiError `TUTTI_OPTION_INVALID`
 */
export function parseKill(text: string, random: Random): PlannedKill {
  if (text === 'random') return randomKill(random);
  const match = FORM.exec(text);
  if (!match)
    throw new TuttiError('TUTTI_OPTION_INVALID', {
      option: '--kill',
      value: text,
      expected: 'leader@50%, follower@1.5s, n2@300ms or random',
    });
  const [, who, percent, amount, unit] = match;
  return {
    target: who === 'leader' || who === 'follower' ? { by: 'role', role: who } : { by: 'node', id: who! },
    at:
      percent === undefined
        ? { by: 'time', afterMs: Number(amount) * (unit === 's' ? 1000 : 1) }
        : { by: 'share', share: Math.min(1, Number(percent) / 100) },
  };
}

/**
 * Checks that every node that is to be killed by its name is one of `n1` to `n<nodes>`.
 * @throws TuttiError `TUTTI_NODE_UNKNOWN`
 */
export function checkKills(kills: readonly PlannedKill[], nodes: number): void {
  const known = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
  for (const { target } of kills)
    if (target.by === 'node' && !known.includes(target.id))
      throw new TuttiError('TUTTI_NODE_UNKNOWN', { node: target.id, known: known.join(', ') });
}

function randomKill(random: Random): PlannedKill {
  return {
    target: { by: 'role', role: random.chance(0.5) ? 'leader' : 'follower' },
    at: { by: 'share', share: random.integer(0, 90) / 100 },
  };
}

/** Whether a kill that is planned is due. */
export function isDue(kill: PlannedKill, done: number, total: number, elapsedMs: number): boolean {
  return kill.at.by === 'time' ? elapsedMs >= kill.at.afterMs : done >= Math.floor(kill.at.share * total);
}

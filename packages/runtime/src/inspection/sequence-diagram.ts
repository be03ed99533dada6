import type { Address } from '../actor/ref.ts';
import type { HistoryEntry } from './message-history.ts';

/** Messages that one diagram shows; of more, the first. */
const ARROWS_MAX = 500;

/** The last part of an address, which is what people know an actor by. */
const shortName = (address: Address): string => address.replace(/#\d+$/, '').replace(/^.*\//, '');

/** Mermaid takes these for its own signs. */
const plain = (text: string): string =>
  text
    .replaceAll(/[;#\n\r]/g, ' ')
    .replaceAll('"', "'")
    .trim();

/**
 * A conversation as a Mermaid sequence diagram: one lane for each actor, one arrow for each message that was handled.
 * A message that does not say who sent it comes from `outside`.
 */
export function sequenceDiagram(entries: readonly HistoryEntry[]): string {
  const lanes = new Map<Address, string>();
  const laneOf = (address: Address): string => {
    let lane = lanes.get(address);
    if (lane === undefined) lanes.set(address, (lane = `a${lanes.size}`));
    return lane;
  };
  const arrows = entries.slice(0, ARROWS_MAX).flatMap((entry) => {
    const { from = 'outside', actor, type, event, problem } = entry;
    const subject = (event as { readonly subject?: unknown }).subject;
    const label = typeof subject === 'string' ? `${type}: ${subject}` : type;
    const [source, target] = [laneOf(from), laneOf(actor)];
    const arrow = `  ${source}->>${target}: ${plain(label)}`;
    return problem === undefined ? [arrow] : [arrow, `  Note over ${target}: failed: ${plain(problem)}`];
  });
  const names = [...lanes].map(([address, lane]) => `  participant ${lane} as ${plain(shortName(address))}`);
  return ['sequenceDiagram', ...names, ...arrows].join('\n');
}

import type { NotLinearizable } from './check.ts';
import type { Operation } from './operation.ts';
import type { SequentialModel } from './sequential-model.ts';

const ROW_PX = 26;
const MOMENT_PX = 14;
const LABEL_PX = 90;
/** Operations on the page: those that were called last before the one that has no place returned. */
const OPERATIONS_MAX = 200;

const STYLE = `body{font:13px system-ui,sans-serif;margin:24px;color:#1c2430}svg{font:11px ui-monospace,monospace}
.returned{fill:#d6e6f5}.unknown{fill:#efe6c8}.failed{fill:#e7e7e7}.unplaceable{fill:#e2483d}
.unplaceable+text{fill:#fff;font-weight:600}.lane{stroke:#eceff3}`;

/**
 * A violation as a page that needs nothing else: a lane for each client, a bar from each call to its return, the
 * operation that has no place in red. Bars of unknown outcome run to the edge.
 */
export function timelineHtml<State, Input, Output>(
  violation: NotLinearizable<State, Input, Output>,
  model: SequentialModel<State, Input, Output>,
): string {
  const { partition, unplaceable } = violation;
  const until = end(unplaceable, 0);
  const shown = violation.operations.filter(({ calledAt }) => calledAt <= until).slice(-OPERATIONS_MAX);
  const moments = momentsOf(shown, until);
  const x = (moment: number): number => LABEL_PX + MOMENT_PX * (moments.get(moment) ?? 0);
  const edge = LABEL_PX + MOMENT_PX * (moments.size + 2);
  const clients = [...new Set(shown.map(({ client }) => client))];
  const lanes = clients.map((client, row) => {
    const y = ROW_PX * (row + 1);
    return `<line class="lane" x1="0" x2="${edge}" y1="${y + 4}" y2="${y + 4}"/><text x="0" y="${y}">${escaped(client)}</text>`;
  });
  const bars = shown.map((operation) => {
    const y = ROW_PX * (clients.indexOf(operation.client) + 1);
    const from = x(operation.calledAt);
    const to = operation.ending.kind === 'unknown' ? edge : x(Math.min(end(operation, until), until));
    const kind = operation === unplaceable ? 'unplaceable' : operation.ending.kind;
    const words = escaped(wordsOf(operation, model));
    return (
      `<g><title>${words}</title><rect class="${kind}" x="${from}" y="${y - 14}" rx="3" height="18" ` +
      `width="${Math.max(6, to - from)}"/><text x="${from + 3}" y="${y - 1}">${words}</text></g>`
    );
  });
  const height = ROW_PX * (clients.length + 1);
  const title = `${model.name} ${JSON.stringify(partition)} is not linearizable`;
  const tried = violation.triedIn.map((state) => model.describeState(state)).join(' or ');
  return `<!doctype html><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style>
<h1>${escaped(title)}</h1><p>${escaped(`${wordsOf(unplaceable, model)} has no place: it was tried in ${tried}.`)}</p>
<svg width="${edge}" height="${height}">${lanes.join('')}${bars.join('')}</svg>
`;
}

function end({ ending }: Operation<unknown, unknown>, otherwise: number): number {
  return ending.kind === 'unknown' ? otherwise : ending.at;
}

/** The columns of the page: the moments at which something begins or ends, in order, whatever lies between them. */
function momentsOf(operations: readonly Operation<unknown, unknown>[], until: number): Map<number, number> {
  const moments = operations.flatMap((operation) => [
    operation.calledAt,
    Math.min(end(operation, until), until),
  ]);
  return new Map([...new Set(moments)].sort((a, b) => a - b).map((moment, column) => [moment, column]));
}

function wordsOf<State, Input, Output>(
  { input, ending }: Operation<Input, Output>,
  model: SequentialModel<State, Input, Output>,
): string {
  const answer = ending.kind === 'returned' ? model.describeOutput(input, ending.output) : ending.kind;
  return `${model.describe(input)} → ${answer}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character]!);
}

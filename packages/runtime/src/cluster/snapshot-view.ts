import { messageOf } from '@tutti/kernel';
import { encodeShown } from './ref-codec.ts';

/**
 * The part of an XState snapshot that can cross the wire, with its refs encoded: no methods, no state nodes, no child
 * actors but by their names.
 * @throws TuttiError `TUTTI_VALUE_TOO_DEEP`
 */
export function encodedView(snapshot: unknown): unknown {
  return encodeShown(viewOf(snapshot));
}

function viewOf(snapshot: unknown): unknown {
  if (typeof snapshot !== 'object' || snapshot === null) return snapshot;
  const from = snapshot as Record<string, unknown>;
  const view: Record<string, unknown> = {};
  for (const field of ['status', 'value', 'context', 'input', 'output'])
    if (from[field] !== undefined) view[field] = from[field];
  // A list, since the wire knows no sets.
  if (from['tags'] instanceof Set) view['tags'] = [...from['tags']];
  if (from['error'] !== undefined) view['error'] = messageOf(from['error']);
  return view;
}

import type { Logger } from '@tutti/kernel';
import { pino } from 'pino';

/** JSON lines on standard error, with the node on each. */
export function nodeLogger(node: string, level: string): Logger {
  return pino({ level, base: { node } }, pino.destination({ dest: 2, sync: false }));
}

import type { ResultDocument } from '../harness/results.ts';
export function benchReport(document: ResultDocument): string {
  return JSON.stringify(document.cases.length);
}

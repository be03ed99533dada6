import type { SourceMap } from '@tutti/actors';
import { TuttiError } from '@tutti/kernel';
import { isNode, isPair, LineCounter, type Node, type ParsedNode, parseDocument, YAMLMap } from 'yaml';

/** The value of a YAML or JSON text, and where each of its parts stands. */
export interface YamlSource {
  readonly value: unknown;
  readonly positionOf: SourceMap;
}

/**
 * Reads YAML 1.2 (of which JSON is a part).
 * @throws TuttiError `TUTTI_PLAN_SYNTAX` with file, line and column
 */
export function readYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fault = document.errors[0];
  if (fault) {
    const { line, col } = lines.linePos(fault.pos[0]);
    const problem = fault.code === 'DUPLICATE_KEY' ? duplicateKey(text, fault.pos) : fault.message;
    throw new TuttiError('TUTTI_PLAN_SYNTAX', { file, line, column: col, problem });
  }
  return {
    value: document.toJS({ maxAliasCount: 100 }),
    positionOf(path) {
      const node = nodeAt(document.contents, path);
      if (!node?.range) return undefined;
      const { line, col } = lines.linePos(node.range[0]);
      return { file, line, column: col };
    },
  };
}

function duplicateKey(text: string, [from, to]: readonly [number, number]): string {
  return `the key "${text.slice(from, to).split(/[:\n]/)[0]?.trim() ?? ''}" stands here a second time`;
}

/** The deepest node on the path: for a key of a map the key itself, so that an error points at the name. */
function nodeAt(root: ParsedNode | null, path: readonly (string | number)[]): Node | undefined {
  let node: Node | undefined = root ?? undefined;
  let shown = node;
  for (const step of path) {
    if (node instanceof YAMLMap) {
      const pair = node.items.find((item) => isPair(item) && String(item.key) === String(step));
      if (!pair || !isNode(pair.key)) return shown;
      shown = pair.key;
      node = isNode(pair.value) ? pair.value : undefined;
    } else {
      const items: readonly unknown[] = node && 'items' in node ? node.items : [];
      const item = items[Number(step)];
      if (!isNode(item)) return shown;
      shown = node = item;
    }
  }
  return shown;
}

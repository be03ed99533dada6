import { stripVTControlCharacters } from 'node:util';

/** Characters that terminals draw two cells wide (Unicode Annex 11, in the main). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303F\uFF01-\uFF60]/u;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

function cellsOf(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** How many cells of a terminal's line a text takes, colour codes left out. */
export function cellWidth(text: string): number {
  let cells = 0;
  for (const character of stripVTControlCharacters(text)) cells += cellsOf(character);
  return cells;
}

/** As much of the beginning of a text without colour codes as fits into so many cells. */
export function fitCells(text: string, cellsMax: number): string {
  let cells = 0;
  let fitting = '';
  for (const character of text) {
    cells += cellsOf(character);
    if (cells > cellsMax) break;
    fitting += character;
  }
  return fitting;
}

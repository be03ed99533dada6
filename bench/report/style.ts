/**
 * The page's look: light and dark by the reader's own choice; ours is told from the others by weight, not by colour alone.
 * On a phone a row of a table is a block of its own, so that the verdict, its last column, is not out of sight.
 */
export const STYLE = `
:root { --paper: #fff; --ink: #1b1f24; --soft: #667080; --line: #d8dee6; --heat: #ffe1c2; --good: #0c7a5a; --bad: #c62828;
  --c0: #2f6fde; --c1: #b4670a; --c2: #0c8a6a; --c3: #8b4fc4; --c4: #5b6b7f; --c5: #b03a6a; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6eaf0; --soft: #94a0b0; --line: #2d343d;
  --heat: #513620; --good: #4fd0a5; --bad: #ff7b72; --c0: #6ea3ff; --c1: #e2a04a; --c2: #3fc79f; --c3: #bf90ee; --c4: #93a2b5; --c5: #f08bb4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { margin: 0; font-size: 26px; } h2 { font-size: 17px; margin: 36px 0 4px; } h3 { font-size: 14px; margin: 18px 0 4px; }
.sub, .note { color: var(--soft); margin: 2px 0 12px; } .note { font-size: 13.5px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 12px; margin: 16px 0; }
dt { color: var(--soft); font-size: 12.5px; } dd { margin: 0; font-weight: 600; }
.wide { overflow-x: auto; } .wide table { min-width: 760px; } .long { grid-column: 1 / -1; } .long dd { font-weight: 400; font-size: 13.5px; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr.ours td:first-child { font-weight: 600; } small { color: var(--soft); }
.met { color: var(--good); } .missed { color: var(--bad); font-weight: 600; } .open { color: var(--soft); }
details { margin: 8px 0; font-size: 13.5px; } summary { cursor: pointer; color: var(--soft); }
.charts { display: flex; flex-wrap: wrap; gap: 24px; } figure { margin: 8px 0; flex: 1 1 420px; max-width: 560px; }
figcaption { font-size: 13px; } svg { width: 100%; height: auto; } .grid { stroke: var(--line); }
.tick, .axis { fill: var(--soft); font-size: 11px; } .key { font-size: 12px; fill: var(--ink); }
nav { display: flex; flex-wrap: wrap; gap: 4px 12px; font-size: 13.5px; margin: 8px 0; }
a { color: var(--c0); text-decoration: none; } a:hover { text-decoration: underline; } ul { margin: 6px 0; padding-left: 20px; }
.why { border-left: 3px solid var(--bad); padding-left: 10px; font-size: 13.5px; max-width: 86ch; } .ahead { color: var(--bad); font-size: 13.5px; margin: 2px 0; }
.flame ol { list-style: none; margin: 6px 0; padding: 0; font-size: 12.5px; } .flame li { position: relative; padding: 2px 6px; margin: 2px 0; overflow-wrap: anywhere; }
.flame i { position: absolute; inset: 0 auto 0 0; background: var(--heat); z-index: -1; border-radius: 2px; } .flame li span { display: inline-block; min-width: 4.2em; font-variant-numeric: tabular-nums; }
polyline { fill: none; stroke-width: 1.6; } .first polyline { stroke-width: 2.8; }
@media (max-width: 640px) { main { padding: 20px 16px 48px; } dl { grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); }
  .wide table { min-width: 0; } .wide table, .wide tbody { display: block; } .wide thead { display: none; }
  .wide tr { display: grid; grid-template-columns: 1fr 1fr; gap: 2px 12px; padding: 7px 0; border-bottom: 1px solid var(--line); }
  .wide td { padding: 0; border: 0; overflow-wrap: anywhere; } .wide td:empty { display: none; } .wide td:nth-child(5) { grid-column: 1 / -1; }
  #lines tr { grid-template-columns: 2.4em 1fr 1fr; } #lines td:first-child { grid-row: span 3; }
  #lines td:nth-child(2), #lines td:nth-child(5) { grid-column: 2 / -1; }
  figure { flex-basis: 100%; } .tick, .axis { font-size: 15px; } .key { font-size: 14px; } }
`;

/** The report's look: light and dark by the reader's own choice, four colours that differ in lightness too. */
export const STYLE = `
:root { --paper: #fff; --ink: #1b1f24; --soft: #667080; --line: #d8dee6; --frontend: #2f6fde; --backend: #0c8a6a;
  --devops: #b4670a; --testing: #8b4fc4; --other: #5b6b7f; --bad: #c62828; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6eaf0; --soft: #94a0b0; --line: #2d343d;
  --frontend: #6ea3ff; --backend: #3fc79f; --devops: #e2a04a; --testing: #bf90ee; --other: #93a2b5; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { margin: 0; font-size: 26px; } h2 { font-size: 17px; margin: 34px 0 10px; } h3 { font-size: 15px; margin: 0 0 4px; }
h4 { margin: 0 0 6px; font-size: 14px; } .sub { color: var(--soft); margin: 4px 0 18px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 12px; margin: 0; }
dt { color: var(--soft); font-size: 12.5px; } dd { margin: 0; font-weight: 600; }
.problem, .conflicts article { border-left: 4px solid var(--bad); padding: 8px 14px; margin: 16px 0; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
pre { margin: 0; overflow: auto; font-size: 12.5px; max-height: 320px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: 12.5px; margin: 0 0 8px; }
.legend svg { width: 12px; min-width: 0; height: 12px; margin-right: 6px; vertical-align: -1px; }
.chart { overflow-x: auto; } svg { width: 100%; min-width: 760px; height: auto; }
.grid { stroke: var(--line); } .tick { fill: var(--soft); font-size: 11px; text-anchor: middle; }
.label { fill: var(--ink); font-size: 12px; text-anchor: end; } .bar { fill: var(--other); }
.bar.frontend { fill: var(--frontend); } .bar.backend { fill: var(--backend); } .bar.devops { fill: var(--devops); }
.bar.testing { fill: var(--testing); } .bar.lost, .bar.failed, .bar.cancelled { opacity: .45; stroke: var(--bad); stroke-width: 2; stroke-dasharray: 4 2; }
.mark line { stroke-width: 1.5; stroke-dasharray: 3 3; } .mark.kill line { stroke: var(--bad); stroke-dasharray: none; }
.mark.kill circle { fill: var(--bad); } .mark.barrier line { stroke: var(--soft); } .mark.barrier circle { fill: var(--soft); }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; } th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
`;

"""The look of a report: readable in light and dark, on paper, and on a small screen."""

CSS = """
:root {
  color-scheme: light dark;
  --ink: #1a1a1a; --soft: #555; --line: #c8c8c8; --paper: #fff; --tint: #f3f5f6; --link: #00508a; --warn: #8a3b00; --good: #00694a;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #b0b0b0; --line: #4a4a4a; --paper: #16191c; --tint: #22272b; --link: #7cc0f0; --warn: #f0a060; --good: #5fd0a8; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.2rem; max-width: 78rem; font: 1rem/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); overflow-wrap: anywhere;
}
a { color: var(--link); }
.skip { position: absolute; left: -100vw; }
.skip:focus { position: static; }
h1 { line-height: 1.2; margin: 0.3rem 0; }
h2 { margin: 2.4rem 0 0.6rem; padding-bottom: 0.2rem; border-bottom: 2px solid var(--line); }
h3 { margin: 1.6rem 0 0.4rem; }
p, li { max-width: 70rem; }
.disclaimer { margin: 0.8rem 0; padding: 0.6rem 0.9rem; border: 2px solid var(--warn); border-radius: 4px; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 0; padding: 0; list-style: none; }
.wide { overflow-x: auto; margin: 0.8rem 0; }
table { border-collapse: collapse; font-size: 0.88rem; }
caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
th, td { padding: 0.25rem 0.7rem 0.25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: normal; }
tbody th { font-weight: 500; }
thead th { border-bottom: 2px solid var(--line); vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number { white-space: normal; }
.wordy { min-width: 14rem; max-width: 30rem; }
tbody th { max-width: 22rem; }
.soft { color: var(--soft); font-size: 0.9rem; }
.pass { color: var(--good); font-weight: 600; }
.missed { color: var(--warn); font-weight: 600; }
figure { margin: 1rem 0 1.6rem; }
figure svg { display: block; max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 4px; }
figcaption { margin-top: 0.4rem; color: var(--soft); font-size: 0.9rem; max-width: 70rem; }
details { margin: 0.6rem 0; }
summary { cursor: pointer; color: var(--link); }
pre { overflow-x: auto; padding: 0.8rem; background: var(--tint); font-size: 0.82rem; line-height: 1.35; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1.2rem; margin: 0.6rem 0; }
dt { font-weight: 600; }
dd { margin: 0; }
@media print {
  :root { --ink: #000; --soft: #333; --line: #999; --paper: #fff; --tint: #fff; --link: #000; --warn: #000; --good: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .skip { display: none; }
  .wide { overflow: visible; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
""".strip()

// The look of report.html, light and dark.

export const reportStyle = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 3rem; border-bottom: 1px solid currentColor; }
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .875rem; }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th[scope=row], td.text, th:first-child, table:has(td.text) th { text-align: left; }
td.text { white-space: normal; overflow-wrap: anywhere; }
td small { opacity: .7; }
.better { color: #1a7f37; font-weight: 600; }
.worse { color: #c4314b; font-weight: 600; }
@media (prefers-color-scheme: dark) { .better { color: #5ed47f; } .worse { color: #ff8095; } }
figure { margin: 2rem 0; }
figure svg { max-width: 100%; height: auto; background: transparent; }
figcaption { font-size: .875rem; opacity: .8; }
dt { font-weight: 600; }
`;

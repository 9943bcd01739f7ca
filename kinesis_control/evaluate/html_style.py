"""Style sheet of the report page: light, dark and paper."""

STYLE = """
:root{color-scheme:light dark;--ink:#1d2329;--dim:#5d6873;--line:#d9dee3;--paper:#fff;--card:#f5f7f9;--good:#00724f;
--bad:#b3400a;--accent:#0072b2}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--dim:#9aa5b0;--line:#39424b;--paper:#14181c;--card:#1d2329;
--good:#4cc79a;--bad:#ff8d57;--accent:#6cb8e6}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}h1{font-size:26px;margin:0 0 4px}
h2{font-size:18px;margin:34px 0 8px}h3{font-size:14px;margin:0 0 4px}
small,.dim{color:var(--dim)}code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(158px,1fr));gap:10px;margin:18px 0}
.card{background:var(--card);border-radius:8px;padding:10px 14px}
.card b{display:block;font-size:22px;line-height:1.25;font-variant-numeric:tabular-nums}
.card b i{font:13px system-ui;color:var(--dim)}.card.none b{color:var(--dim);font-size:15px;padding:5px 0 3px}
.note{border-left:4px solid var(--bad);background:var(--card);padding:8px 14px;margin:14px 0}
.note.ok{border-color:var(--good)}.note ul{margin:4px 0;padding-left:20px}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--dim)}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.unit{white-space:nowrap}tr.head td{font-weight:600;padding-top:14px;border-bottom-width:2px}tr.none td{color:var(--dim)}
.good{color:var(--good)}.bad{color:var(--bad)}
details{border-top:1px solid var(--line);padding:8px 0}summary{cursor:pointer;font-weight:600}
summary small{font-weight:400;margin-left:6px}
details.figures{border:0}.plots{display:grid;gap:18px;margin:12px 0}figure{margin:0}
figcaption{font-weight:600;font-size:14px}figcaption small{font-weight:400}
svg{width:100%;height:auto;display:block}
td.worst{min-width:15em}.wide td:first-child,.wide th:first-child{min-width:9.5em}
@media (max-width:700px){main{padding:18px 14px 40px}td.worst{min-width:0}h1{font-size:22px}figure{overflow-x:auto}figure svg{min-width:620px}
table.figures thead{display:none}table.figures tr{display:flex;flex-wrap:wrap;column-gap:8px;border-bottom:1px solid var(--line);padding:4px 0}
table.figures td{border:0;padding:0}table.figures td:empty{display:none}table.figures .name{flex:1 1 50%}
table.figures .count::before{content:"n "}table.figures .within,table.figures .count,table.figures .other,table.figures .worst,
table.figures .remark{font-size:12.5px;color:var(--dim)}table.figures .within{flex:1 1 50%;text-align:left}
table.figures .within::before{content:"95 %: "}table.figures .other{flex:1 0 100%;text-align:left}
table.figures .other::before{content:"other: "}table.figures .worst,table.figures .remark{flex:1 0 100%}
table.figures .worst::before{content:"worst: "}}
@media print{:root{--ink:#000;--paper:#fff;--card:#f5f5f5}main{max-width:none;padding:0}details>*{display:block}
figure,.card,tr{break-inside:avoid}.wide{overflow:visible}}
"""

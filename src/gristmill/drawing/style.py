"""The style of pages and charts: light and dark by the visitor's preference, legible on a phone.

Charts and tables use only the names below, so that a widget can give them a notebook's colours.
"""

LIGHT = """
  --bg:#f6f7f9; --card:#fff; --text:#1c2430; --soft:#5c6775; --line:#dfe3e8; --accent:#2663c9;
  --alert:#b3261e; --watch:#8a5a00; --steady:#1d7044; --none:#e9ecf0;
  --h0:#eaf1fb; --h1:#c9dcf5; --h2:#f6d9a8; --h3:#f0ae6b; --h4:#dd6f4a; --h5:#b3302b;
  --dot:#10151c; --then:#a3afbf;
  --s0:#2663c9; --s1:#c2410c; --s2:#0f766e; --s3:#8430ce; --s4:#7a5c00; --s5:#b0175f;
  --added:#e3f3e8; --removed:#fbe7e5;
"""
DARK = """
  --bg:#12161c; --card:#1b2129; --text:#e6eaf0; --soft:#9aa6b5; --line:#303946; --accent:#78a9ff;
  --alert:#ff8a80; --watch:#f3c05c; --steady:#6fd39b; --none:#262d37;
  --h0:#1f2b3c; --h1:#2b456b; --h2:#6b5222; --h3:#96591f; --h4:#b84a2c; --h5:#e0483f;
  --dot:#fff; --then:#5b6878;
  --s0:#78a9ff; --s1:#ff9d5c; --s2:#4fd1c0; --s3:#c9a0ff; --s4:#e8c34a; --s5:#ff8ab8;
  --added:#15341f; --removed:#42201e;
"""
FIGURES = """
svg { display:block; width:100%; height:auto } .card svg { width:auto; max-width:100% }
svg text { font-size:12px; fill:var(--soft) } svg .marked { fill:var(--accent); font-weight:600 }
.h0{fill:var(--h0)}.h1{fill:var(--h1)}.h2{fill:var(--h2)}.h3{fill:var(--h3)}.h4{fill:var(--h4)}
.h5{fill:var(--h5)}.none{fill:var(--none)}.dot{fill:var(--dot)}.then{fill:var(--then)}
.now{fill:var(--accent)}
.grid{stroke:var(--line)}.line{fill:none;stroke:var(--accent);stroke-width:2}
.interval{stroke:var(--accent);stroke-width:6;opacity:.28;stroke-linecap:round}
.point{fill:var(--accent)}.promise{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4}
.guess{fill:none;stroke:var(--watch);stroke-width:1.5;stroke-dasharray:6 4}
.guessed{fill:var(--card);stroke:var(--watch);stroke-width:2}
.bound{stroke:var(--alert);stroke-dasharray:6 4}.beyond{fill:var(--alert)}
.marked.point{fill:var(--watch)}
.mark{stroke:var(--accent);stroke-width:1.2;stroke-dasharray:2 3}
.legend, section > p { font-size:.88rem }
.legend i, p i { display:inline-block; width:14px; height:14px; border-radius:3px;
  margin:0 .35rem 0 .9rem; vertical-align:-2px }
p i { margin-left:.2rem }
i.h0{background:var(--h0)}i.h1{background:var(--h1)}i.h2{background:var(--h2)}
i.h3{background:var(--h3)}i.h4{background:var(--h4)}i.h5{background:var(--h5)}
i.none{background:var(--none)}i.then{background:var(--then)}i.now{background:var(--accent)}
.axis{stroke:var(--soft)}.chance{stroke:var(--soft);stroke-dasharray:3 4}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}.knot{stroke:var(--card);stroke-width:1}
.s0{--s:var(--s0)}.s1{--s:var(--s1)}.s2{--s:var(--s2)}.s3{--s:var(--s3)}.s4{--s:var(--s4)}
.s5{--s:var(--s5)}
.curve,.whisker{stroke:var(--s)}.knot{fill:var(--s)}i[class^=s]{background:var(--s)}
.s1.curve{stroke-dasharray:9 3}.s2.curve{stroke-dasharray:3 3}.s3.curve{stroke-dasharray:9 3 2 3}
.s4.curve{stroke-dasharray:14 4}.s5.curve{stroke-dasharray:1 3}
.whisker{stroke-width:6;opacity:.4;stroke-linecap:round}
.better{--s:var(--steady)}.worse{--s:var(--alert)}.even{--s:var(--soft)}
.word{color:var(--s);font-weight:600}
pre.diff{margin:.3rem 0 .8rem;padding:.6rem .8rem;overflow-x:auto;border:1px solid var(--line);
  border-radius:6px;font:12.5px/1.5 ui-monospace,Menlo,Consolas,monospace;color:var(--text);
  background:none}
pre.diff span{display:block;white-space:pre}
pre.diff .plus{background:var(--added)}pre.diff .minus{background:var(--removed)}
pre.diff .place{color:var(--soft)}
"""
TABLES = """
table { width:100%; border-collapse:collapse; font-size:.9rem }
th { text-align:left; color:var(--soft); font-weight:600; white-space:nowrap }
th, td { padding:.4rem .9rem .4rem 0; border-bottom:1px solid var(--line); vertical-align:top }
td { overflow-wrap:break-word } td:last-child { overflow-wrap:anywhere } td svg { width:auto }
.wide { overflow-x:auto; margin-bottom:.8rem } .compact { width:auto; min-width:60% }
.compact td { font-variant-numeric:tabular-nums; white-space:nowrap }
td:not(:last-child) { white-space:nowrap } td:nth-last-child(2) { white-space:normal }
"""
PAGE = """
* { box-sizing:border-box }
body { margin:0; background:var(--bg); color:var(--text);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif }
nav { display:flex; gap:1.2rem; padding:.7rem 1.2rem; background:var(--card);
  border-bottom:1px solid var(--line) }
nav a, .links a { color:var(--accent); text-decoration:none }
main { max-width:1100px; margin:0 auto; padding:1.2rem }
h1 { font-size:1.6rem; margin:.4rem 0; overflow-wrap:anywhere }
h2 { font-size:1.05rem; margin:0 0 .3rem }
h3 { font-size:.93rem; margin:1rem 0 .2rem }
section, .card, figure { background:var(--card); border:1px solid var(--line); border-radius:10px;
  padding:1rem 1.1rem; margin:0 0 1rem }
section > p, .facts, small { color:var(--soft); margin:.1rem 0 .6rem }
small { display:block; font-size:.82rem }
.pill { font-size:.8rem; font-weight:600; padding:.2rem .6rem; border-radius:99px;
  border:1px solid currentColor; vertical-align:middle; white-space:nowrap }
.alert { --c:var(--alert) } .watch { --c:var(--watch) } .steady { --c:var(--steady) }
.unknown { --c:var(--soft) } .pill, .light { color:var(--c) }
.cards { display:grid; grid-template-columns:repeat(auto-fill,minmax(300px,1fr)); gap:1rem }
.card { color:inherit; text-decoration:none; border-left:4px solid var(--c); margin:0 }
.card h2 small { display:inline }
.card p { margin:.25rem 0; font-size:.9rem; overflow-wrap:anywhere }
.card .light { font-weight:600 }
.card:hover, .card:focus { border-color:var(--accent) }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(150px,1fr)); gap:1rem;
  margin-bottom:1rem }
.tiles:empty { display:none }
.tiles div { background:var(--card); border:1px solid var(--line); border-radius:10px;
  padding:.7rem 1rem }
.tiles b { display:block; font-size:1.6rem; line-height:1.3; font-variant-numeric:tabular-nums }
.tiles small { margin:0 }
.alerts { list-style:none; margin:0; padding:0 }
.alerts li { border-left:4px solid var(--watch); padding:.3rem .8rem; margin:.5rem 0;
  overflow-wrap:anywhere }
.alerts .critical { border-color:var(--alert) }
.alerts b { text-transform:capitalize }
.alerts form { display:inline } .alerts button:hover { border-color:var(--accent) }
.alerts button { font:inherit; font-size:.82rem; margin:.3rem .4rem 0 0; padding:.15rem .6rem;
  border:1px solid var(--line); border-radius:6px; background:var(--bg); color:var(--text);
  cursor:pointer }
.problem { border-left:4px solid var(--alert); white-space:pre-wrap }
.empty { text-align:center; padding:2rem 1rem }
.scroll { overflow-x:auto } .scroll svg { min-width:640px } .report { min-width:820px }
.figures { display:grid; grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));
  gap:1rem }
figure { margin:0; padding:.8rem }
figcaption { font-size:.9rem; min-height:3em; margin-bottom:.4rem;
  overflow-wrap:anywhere }
iframe { width:100%; height:900px; border:0; margin-top:.8rem }
summary { cursor:pointer; color:var(--accent) } progress { width:100% }
@media (max-width:640px) { main { padding:.7rem } .report { zoom:.7 }
  .tiles { grid-template-columns:1fr 1fr; gap:.6rem }
  .compact { font-size:.82rem } .compact :is(th,td) { padding-right:.6rem }
  table:not(.compact) { thead { display:none }
    tr { display:block; padding:.5rem 0; border-bottom:1px solid var(--line) }
    td { display:flex; gap:.8rem; border:0; padding:.1rem 0; white-space:normal !important }
    td:not([data-label=''])::before { content:attr(data-label); color:var(--soft);
      flex:0 0 6.2rem } } }
@media print { section, figure, .tiles div { break-inside:avoid } nav a, button { display:none }
  details::details-content { content-visibility:visible } summary { color:var(--soft) }
  body { background:none } }
"""
CSS = (
    f":root {{{LIGHT}}}\n@media (prefers-color-scheme: dark) {{ :root {{{DARK}}} }}"
    f"{TABLES}{PAGE}{FIGURES}"
)

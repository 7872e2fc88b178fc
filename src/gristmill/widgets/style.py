"""The look of the widgets: the notebook's own colours, light and dark."""

from __future__ import annotations

from gristmill.drawing.style import DARK, FIGURES, LIGHT, TABLES

SCOPE = "gristmill"
OURS = """
  --bg:var(--jp-layout-color0,#fff); --card:var(--jp-layout-color0,#fff);
  --text:var(--jp-ui-font-color1,#1c2430); --soft:var(--jp-ui-font-color2,#5c6775);
  --line:var(--jp-border-color2,#dfe3e8); --accent:var(--jp-content-link-color,#2663c9);
"""
CSS = f"""
.{SCOPE} {{{LIGHT}{OURS}}}
:is(body[data-jp-theme-light=false], body.theme-dark) .{SCOPE} {{{DARK}{OURS}}}
.{SCOPE} {{
{FIGURES}{TABLES}
  color:var(--text); font-family:var(--jp-ui-font-family,system-ui,sans-serif);
  font-size:var(--jp-ui-font-size1,13px); line-height:1.45;
  &.widget-box {{ padding:.2rem }}
  .widget-html, .widget-html-content, .jupyter-widget-html-content {{
    font-size:inherit; line-height:inherit; color:inherit; overflow:visible }}
  h2 {{ font-size:1.15em; margin:.5rem 0 .2rem; font-weight:600 }}
  h3 {{ font-size:1em; margin:.8rem 0 .2rem; font-weight:600 }}
  p {{ margin:.15rem 0 }} section > p, .facts, small {{ color:var(--soft) }}
  ul {{ margin:.2rem 0; padding-left:1.3rem }}
  table {{ font-size:inherit; color:inherit }}
  th, td {{ text-align:left; padding:.28rem .9rem .28rem 0 }}
  a {{ color:var(--accent); text-decoration:underline }} figure {{ margin:0 }}
  .figures {{ display:flex; flex-wrap:wrap; gap:.8rem }}
  .figures figure {{ width:320px }}
  summary {{ cursor:pointer; color:var(--accent); white-space:nowrap }}
  details td {{ overflow-wrap:normal }}
  .widget-label, label {{ color:var(--text) }}
  .notice {{ border-left:4px solid var(--n); padding:.35rem .8rem; margin:.3rem 0;
    background:var(--jp-layout-color2,#eee); color:var(--text); overflow-wrap:anywhere }}
  .notice.error {{ --n:var(--alert) }} .notice.done {{ --n:var(--steady) }}
  .notice code {{ color:var(--soft); background:none; font-size:.92em }}
  .busy {{ color:var(--soft); min-height:1.5em; padding:0 .2rem }}
  .busy::after {{ content:''; display:block; height:3px; border-radius:2px; margin-top:.15rem }}
  .busy.on::after {{ background:linear-gradient(90deg,transparent,var(--accent),transparent);
    background-size:40% 100%; background-repeat:no-repeat;
    animation:gristmill-run 1.2s linear infinite }}
  .pill {{ display:inline-block; font-weight:600; padding:0 .5em; border-radius:99px;
    border:1px solid currentColor; white-space:nowrap; color:var(--c) }}
  .pass {{ --c:var(--steady) }} .fail {{ --c:var(--alert) }} .cannot {{ --c:var(--watch) }}
  .alias {{ --c:var(--accent) }}
  .row {{ display:grid; grid-template-columns:minmax(6em,1.1fr) minmax(10.5em,1.2fr)
    minmax(10em,2fr) minmax(6em,1fr) minmax(14em,3fr); gap:.2rem .9rem; align-items:baseline }}
  .row span {{ overflow-wrap:anywhere }} .row.head {{ font-weight:600; color:var(--soft) }}
  .line {{ fill:initial; border-bottom:1px solid var(--line) }}
  .js-plotly-plot text {{ fill:var(--text) !important }}
  .js-plotly-plot .gridlayer path {{ stroke:var(--line) !important }}
  .js-plotly-plot .hoverlayer text {{ fill:#fff !important }}
}}
@keyframes gristmill-run {{
  from {{ background-position:-60% 0 }} to {{ background-position:160% 0 }} }}
@media (prefers-reduced-motion: reduce) {{ .{SCOPE} .busy.on::after {{ animation:none }} }}
"""

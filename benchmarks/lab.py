"""JupyterLab with 200 steps: how soon a click shows, how soon the pipeline is in view.

python -m benchmarks.lab [STEPS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.lab import free_port, laboratory

LAYER = 10  # steps side by side
TRIES = 5
PATIENCE = 120_000
THERE = "() => window.jupyterapp.commands.hasCommand('gristmill:open-pipeline')"
OPENED = """
steps => new Promise(done => {
  const begin = performance.now();
  const look = () =>
    document.querySelectorAll('.gm-Node').length === steps
      ? requestAnimationFrame(() => done(performance.now() - begin))
      : requestAnimationFrame(look);
  window.jupyterapp.commands.execute('gristmill:open-pipeline');
  look();
})"""
CLICKED = """
() => new Promise(done => {
  const panel = document.querySelector('.gm-Panel');
  const run = [...panel.querySelectorAll('button')].find(b => b.textContent === 'Run');
  let begin = 0;
  const seen = new MutationObserver(() => {
    seen.disconnect();
    requestAnimationFrame(() => done(performance.now() - begin));
  });
  seen.observe(panel, { subtree: true, childList: true, characterData: true, attributes: true });
  begin = performance.now();
  run.click();
})"""
FRAMES = """
() => new Promise(done => {
  const graph = document.querySelector('.gm-Graph');
  const times = [];
  const move = now => {
    times.push(now);
    graph.dispatchEvent(new WheelEvent('wheel', { deltaX: 8, deltaY: 3, cancelable: true }));
    times.length < 120 ? requestAnimationFrame(move) : done((times.at(-1) - times[0]) / 119);
  };
  requestAnimationFrame(move);
})"""


def project(root: Path, steps: int) -> Path:
    """Layers of steps; each reads one or two of the layer before."""
    root.mkdir()
    (root / "gristmill.toml").write_text('[project]\nname = "many"\n')
    for number in range(steps):
        layer, place = divmod(number, LAYER)
        needs = [f"{layer - 1}_{p}" for p in {place, (place + 1) % LAYER}] if layer else []
        lines = ["from gristmill import Input, Output"]
        lines += [f'in_{need}: Input = "out/{need}.txt"' for need in needs]
        lines += [f'out: Output = "out/{layer}_{place}.txt"', "import time; time.sleep(0.2)"]
        cells = [nbformat.v4.new_code_cell("\n".join(lines[:-1]))]
        cells[0].metadata["tags"] = ["parameters"]
        cells.append(nbformat.v4.new_code_cell(f"{lines[-1]}\nopen(out, 'w').write('x')"))
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "", "language": "python"}
        nbformat.write(notebook, root / f"step_{layer}_{place}.ipynb")
    subprocess.run(["dvc", "init", "--no-scm", "-q"], cwd=root, check=True)
    return root


def opened(page: Page, steps: int) -> float:
    """Milliseconds from the command to all steps in view."""
    page.evaluate("window.jupyterapp.shell.closeAll()")
    page.wait_for_timeout(1500)
    return float(page.evaluate(OPENED, steps))


def main(steps: int) -> None:
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        os.environ["GRISTMILL_TRUST"] = temporary
        root = project(Path(temporary) / "many", steps)
        with laboratory(root, Path(temporary) / "home", free_port()) as address:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(PATIENCE)
            page.goto(f"{address}/lab?reset")
            page.wait_for_selector(".jp-LauncherCard")
            if not page.evaluate(THERE):
                raise SystemExit("JupyterLab lacks the extension: run `make extension`.")
            cold = opened(page, steps)
            warm = [opened(page, steps) for _ in range(TRIES)]
            frame = float(page.evaluate(FRAMES))
            clicks = []
            toolbar = page.locator(".gm-Toolbar")
            run = toolbar.get_by_role("button", name="Run", exact=True)
            for _ in range(TRIES):
                clicks.append(float(page.evaluate(CLICKED)))
                toolbar.get_by_role("button", name="Cancel").click()
                expect(run).to_be_enabled(timeout=PATIENCE)
            browser.close()
            print(f"{steps} steps in view, first time: {cold:.0f} ms after the command")
            print(f"{steps} steps in view, again: median {statistics.median(warm):.0f} ms")
            print(f"moving them: {frame:.1f} ms a frame")
            print(f"from a click on Run to a change: median {statistics.median(clicks):.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)

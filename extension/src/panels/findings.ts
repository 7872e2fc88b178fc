import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { Finding } from '../schema';

const MARK = 'gm-Findings';
const PARAMETERS = 'gm-parameters';

/** Findings in the notebook itself: below the code of their cells. */
export function markFindings(
  panel: NotebookPanel,
  parameters: number,
  findings: readonly Finding[],
  label: string,
  show: (finding: Finding) => void
): void {
  panel.content.widgets.forEach((cell, index) => {
    cell.node.classList.toggle(PARAMETERS, index === parameters);
    cell.node.dataset.gmParameters = index === parameters ? label : '';
    draw(
      cell,
      findings.filter(finding => finding.cell === index),
      show
    );
  });
}

function draw(cell: Cell, findings: Finding[], show: (finding: Finding) => void): void {
  const host = cell.inputArea?.node.parentElement;
  const old = host?.parentElement?.querySelector(`:scope > .${MARK}`);
  const shown = JSON.stringify(findings);
  if (!host || (old as HTMLElement | null)?.dataset.shown === shown) {
    return;
  }
  old?.remove();
  if (!findings.length) {
    return;
  }
  const list = document.createElement('ul');
  list.className = MARK;
  list.dataset.shown = shown;
  for (const finding of findings) {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.className = `gm-${finding.severity}`;
    button.textContent = finding.line ? `${finding.line}: ${finding.message}` : finding.message;
    button.title = [finding.hint, finding.code].filter(Boolean).join('\n');
    button.onclick = () => show(finding);
    item.append(button);
    list.append(item);
  }
  host.after(list);
}

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { DRIVE } from '../drive';
import type { PipelineManager } from './pipeline';

/** Opens what belongs to a step as documents. */
export class Opener {
  constructor(
    private readonly documents: IDocumentManager,
    private readonly commands: JupyterFrontEnd['commands'],
    private readonly pipeline: PipelineManager
  ) {}

  /** A file of a type that JupyterLab does not know is only pointed at: it may be no text. */
  open(path: string): void {
    if (this.documents.registry.getFileTypesForPath(path).length) {
      this.documents.openOrReveal(path);
    } else {
      this.point(path);
    }
  }

  /** Shown in the file browser. */
  point(path: string): void {
    void this.commands.execute('filebrowser:go-to-path', { path });
  }

  /** What a run left, named as the server's events do, by its whole path. */
  openRunFile(path: string): void {
    this.documents.openOrReveal(`${DRIVE}:${runFile(path)}`);
  }

  /** The executed notebook on the kernel that waits, at the cell that failed. */
  async openKernel(step: string): Promise<void> {
    const kernel = await this.pipeline.kernel(step);
    const path = `${DRIVE}:${kernel.executed}`;
    const panel = this.documents.openOrReveal(path, 'Notebook', { id: kernel.id }) as
      NotebookPanel | undefined;
    if (panel === undefined) {
      return;
    }
    await panel.revealed;
    await panel.context.ready;
    await panel.sessionContext.ready;
    if (panel.sessionContext.session?.kernel?.id !== kernel.id) {
      await panel.sessionContext.changeKernel({ id: kernel.id });
    }
    await showCell(panel, failedCell(panel) ?? kernel.cell);
  }
}

/** `RUN/FILE` of a path that ends so. */
export function runFile(path: string): string {
  return path.split(/[\\/]/).slice(-2).join('/');
}

/** The last cell whose output is an error. */
function failedCell(panel: NotebookPanel): number | null {
  const cells = panel.content.model?.cells;
  for (let index = (cells?.length ?? 0) - 1; index >= 0; index--) {
    const cell = cells!.get(index).toJSON() as { outputs?: { output_type: string }[] };
    if (cell.outputs?.some(output => output.output_type === 'error')) {
      return index;
    }
  }
  return null;
}

async function showCell(panel: NotebookPanel, index: number): Promise<void> {
  panel.content.activeCellIndex = index;
  panel.content.deselectAll();
  await panel.content.scrollToItem(index, 'center');
  panel.content.activate();
}

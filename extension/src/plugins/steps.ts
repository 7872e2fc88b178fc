import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CATEGORY } from '../commands/command';
import { stepIcon } from '../icons';
import { StepEditor } from '../managers/step';
import { StepPanel } from '../panels/editor';
import { markFindings } from '../panels/findings';
import { IGristmill } from '../tokens';

const OPEN = 'gristmill:open-step';
const TOGGLE = 'gristmill:toggle-parameters';

export const steps: JupyterFrontEndPlugin<void> = {
  id: 'gristmill:steps',
  description: 'The step editor: the notebook in front as a form.',
  autoStart: true,
  requires: [IGristmill, INotebookTracker],
  optional: [ILabShell, ITranslator, ICommandPalette, ILayoutRestorer],
  activate: (
    app,
    gristmill: IGristmill,
    tracker: INotebookTracker,
    shell: ILabShell | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('gristmill');
    const contents = app.serviceManager.contents;
    const editor = new StepEditor(gristmill.api, tracker, path =>
      contents.driveName(path) ? null : contents.localPath(path)
    );
    const panel = new StepPanel(editor, trans);
    panel.id = 'gristmill-step';
    panel.title.icon = stepIcon;
    panel.title.caption = trans.__('Step: what this notebook reads, writes and takes');
    panel.node.setAttribute('aria-label', trans.__('Step'));
    if (shell) {
      shell.add(panel, 'right', { rank: 300, type: CATEGORY });
      restorer?.add(panel, 'gristmill-step');
    }
    editor.changed.connect(() => {
      const { panel: notebook, state } = editor;
      const form = state.kind === 'ready' ? state.form : null;
      if (notebook) {
        markFindings(
          notebook,
          form?.form.cell ?? -1,
          form?.findings ?? [],
          trans.__('parameters'),
          finding => void editor.show(finding.cell, finding.line)
        );
      }
      app.commands.notifyCommandChanged(TOGGLE);
    });
    tracker.activeCellChanged.connect(() => app.commands.notifyCommandChanged(TOGGLE));
    app.commands.addCommand(OPEN, {
      label: trans.__('Step Editor'),
      caption: trans.__('Edit what the notebook in front reads, writes and takes'),
      icon: stepIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => app.shell.activateById(panel.id)
    });
    app.commands.addCommand(TOGGLE, {
      label: trans.__('Parameters Cell'),
      caption: trans.__('Make this cell the parameters cell of the step, or undo that'),
      icon: stepIcon,
      isToggled: () => editor.active,
      isEnabled: () => tracker.activeCell?.model.type === 'code',
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => editor.toggle()
    });
    palette?.addItem({ command: OPEN, category: CATEGORY, rank: 2 });
    palette?.addItem({ command: TOGGLE, category: CATEGORY, rank: 3 });
  }
};

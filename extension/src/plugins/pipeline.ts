import { ILayoutRestorer, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { millIcon } from '../icons';
import { Pipeline } from '../panels/pipeline';
import { ProjectPanel } from '../panels/frame';
import { IGristmill } from '../tokens';
import { addPanel } from './panel';

export const pipeline: JupyterFrontEndPlugin<void> = {
  id: 'gristmill:pipeline',
  description: 'The pipeline, live.',
  autoStart: true,
  requires: [IGristmill],
  optional: [ITranslator, ICommandPalette, ILauncher, ILayoutRestorer],
  activate: (app, gristmill: IGristmill, translator, palette, launcher, restorer): void => {
    const trans = (translator ?? nullTranslator).load('gristmill');
    addPanel(
      app,
      { palette, launcher, restorer },
      {
        name: 'pipeline',
        label: trans.__('Pipeline'),
        caption: trans.__('The steps of this project and what became of them'),
        icon: millIcon,
        rank: 1,
        make: () => new ProjectPanel(gristmill.project, trans, () => Pipeline({ gristmill, trans }))
      }
    );
  }
};

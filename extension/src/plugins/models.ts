import { ILayoutRestorer, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { createElement } from 'react';

import { addCommands } from '../commands/command';
import { modelCommands } from '../commands/models';
import { modelsIcon } from '../icons';
import { ModelsManager } from '../managers/models';
import { Models } from '../panels/models';
import { pages } from '../panels/page';
import { IGristmill } from '../tokens';
import { addPanel, executor } from './panel';

export const models: JupyterFrontEndPlugin<void> = {
  id: 'gristmill:models',
  description: 'Versions of models and their promotion.',
  autoStart: true,
  requires: [IGristmill],
  optional: [ITranslator, ICommandPalette, ILauncher, ILayoutRestorer],
  activate: (
    app,
    gristmill: IGristmill,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('gristmill');
    const models = new ModelsManager(gristmill.api, gristmill.events);
    const execute = executor(app);
    addCommands(
      app,
      modelCommands(app, gristmill, models, pages(app, modelsIcon), trans),
      { palette, trans, rank: 50 },
      [gristmill.project.changed, models.changed]
    );
    addPanel(
      app,
      gristmill,
      trans,
      { palette, launcher, restorer },
      {
        name: 'models',
        label: trans.__('Models'),
        caption: trans.__('Versions, gates, approvals; promote and roll back'),
        icon: modelsIcon,
        rank: 5,
        watches: [models],
        draw: () =>
          createElement(Models, { key: gristmill.project.view?.root, models, execute, trans })
      }
    );
  }
};

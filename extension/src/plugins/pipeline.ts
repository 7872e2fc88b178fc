import { ILayoutRestorer, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { createElement } from 'react';

import { millIcon } from '../icons';
import { ProjectPanel } from '../panels/frame';
import { StatusItem } from '../panels/status';
import { Pipeline } from '../panels/pipeline';
import { IGristmill } from '../tokens';
import { addPanel } from './panel';
import { addStepCommands } from './commands';

export const pipeline: JupyterFrontEndPlugin<void> = {
  id: 'gristmill:pipeline',
  description: 'The pipeline, live.',
  autoStart: true,
  requires: [IGristmill],
  optional: [
    ITranslator,
    ICommandPalette,
    ILauncher,
    ILayoutRestorer,
    IStatusBar,
    ISettingRegistry
  ],
  activate: (
    app,
    gristmill: IGristmill,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    statusBar: IStatusBar | null,
    settings: ISettingRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('gristmill');
    const execute = (command: string, step?: string): void => {
      void app.commands.execute(command, step === undefined ? {} : { step });
    };
    addStepCommands(app, gristmill, trans, { palette, settings });
    statusBar?.registerStatusItem('gristmill:pipeline', {
      align: 'left',
      rank: 50,
      item: new StatusItem(gristmill, trans, () => execute('gristmill:open-pipeline')),
      isActive: () => gristmill.project.view?.found === true,
      activeStateChanged: gristmill.project.changed
    });
    addPanel(
      app,
      { palette, launcher, restorer },
      {
        name: 'pipeline',
        label: trans.__('Pipeline'),
        caption: trans.__('The steps of this project and what became of them'),
        icon: millIcon,
        rank: 1,
        make: () =>
          new ProjectPanel(gristmill.project, trans, () =>
            createElement(Pipeline, { gristmill, execute, trans })
          )
      }
    );
  }
};

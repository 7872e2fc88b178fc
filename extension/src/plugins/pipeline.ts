import { ILayoutRestorer, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { createElement } from 'react';

import { addCommands } from '../commands/command';
import { pipelineCommands } from '../commands/pipeline';
import { millIcon } from '../icons';
import { Pipeline } from '../panels/pipeline';
import { StatusItem } from '../panels/status';
import { IGristmill } from '../tokens';
import { addPanel, executor } from './panel';

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
    const { project, pipeline, opener } = gristmill;
    const execute = executor(app);
    addCommands(
      app,
      pipelineCommands(app, gristmill, settings, trans),
      { palette, trans, rank: 10 },
      [pipeline.changed, project.changed]
    );
    statusBar?.registerStatusItem('gristmill:pipeline', {
      align: 'left',
      rank: 50,
      item: new StatusItem(pipeline, trans, () => execute('gristmill:open-pipeline')),
      isActive: () => project.found,
      activeStateChanged: project.changed
    });
    addPanel(
      app,
      gristmill,
      trans,
      { palette, launcher, restorer },
      {
        name: 'pipeline',
        label: trans.__('Pipeline'),
        caption: trans.__('The steps of this project and their status'),
        icon: millIcon,
        rank: 1,
        watches: [],
        draw: () => createElement(Pipeline, { pipeline, opener, execute, trans })
      }
    );
  }
};

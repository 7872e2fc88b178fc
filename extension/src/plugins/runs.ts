import { ILayoutRestorer, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { createElement } from 'react';

import { addCommands } from '../commands/command';
import { runCommands } from '../commands/runs';
import { runsIcon } from '../icons';
import { RunsManager } from '../managers/runs';
import { SweepsManager } from '../managers/sweeps';
import { Runs } from '../panels/runs';
import { IGristmill } from '../tokens';
import { addPanel, executor } from './panel';

export const runs: JupyterFrontEndPlugin<void> = {
  id: 'gristmill:runs',
  description: 'Past runs, compared and swept.',
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
    const runs = new RunsManager(gristmill.api, gristmill.events);
    const sweeps = new SweepsManager(gristmill.api, gristmill.events);
    const execute = executor(app);
    addCommands(
      app,
      runCommands(app, gristmill, runs, sweeps, trans),
      { palette, trans, rank: 40 },
      [gristmill.project.changed]
    );
    addPanel(
      app,
      gristmill,
      trans,
      { palette, launcher, restorer },
      {
        name: 'runs',
        label: trans.__('Runs'),
        caption: trans.__('Past runs with parameters and metrics; sweeps'),
        icon: runsIcon,
        rank: 4,
        watches: [runs, sweeps],
        draw: () =>
          createElement(Runs, { key: gristmill.project.view?.root, runs, sweeps, execute, trans })
      }
    );
  }
};

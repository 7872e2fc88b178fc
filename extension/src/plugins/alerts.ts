import { ILayoutRestorer, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { createElement } from 'react';

import { alertCommands } from '../commands/alerts';
import { addCommands } from '../commands/command';
import { alertsIcon } from '../icons';
import { AlertsManager } from '../managers/alerts';
import { Alerts } from '../panels/alerts';
import { pages } from '../panels/page';
import { IGristmill } from '../tokens';
import { addPanel, executor } from './panel';

export const alerts: JupyterFrontEndPlugin<void> = {
  id: 'gristmill:alerts',
  description: 'What monitoring found.',
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
    const alerts = new AlertsManager(gristmill.api, gristmill.events);
    const execute = executor(app);
    addCommands(
      app,
      alertCommands(gristmill, alerts, pages(app, alertsIcon), trans),
      { palette, trans, rank: 70 },
      [gristmill.project.changed]
    );
    addPanel(
      app,
      gristmill,
      trans,
      { palette, launcher, restorer },
      {
        name: 'alerts',
        label: trans.__('Alerts'),
        caption: trans.__('What fired, on which model, and why'),
        icon: alertsIcon,
        rank: 6,
        watches: [alerts],
        draw: () =>
          createElement(Alerts, { key: gristmill.project.view?.root, alerts, execute, trans })
      }
    );
  }
};

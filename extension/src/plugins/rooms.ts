import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';

import { createElement } from 'react';

import { alertsIcon, modelsIcon, runsIcon } from '../icons';
import { Alerts } from '../panels/alerts';
import { ProjectPanel } from '../panels/frame';
import { Models } from '../panels/models';
import { pages } from '../panels/page';
import { Runs } from '../panels/runs';
import { IGristmill } from '../tokens';
import { addPanel, type IPanel } from './panel';

type Make = (
  app: JupyterFrontEnd,
  gristmill: IGristmill,
  trans: TranslationBundle
) => Omit<IPanel, 'make'> & { draw: () => JSX.Element };

function room(id: string, description: string, make: Make): JupyterFrontEndPlugin<void> {
  return {
    id,
    description,
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
      const { draw, ...panel } = make(app, gristmill, trans);
      addPanel(
        app,
        { palette, launcher, restorer },
        { ...panel, make: () => new ProjectPanel(gristmill.project, trans, draw) }
      );
    }
  };
}

export const runs = room(
  'gristmill:runs',
  'Past runs, compared and swept.',
  (_, gristmill, trans) => ({
    name: 'runs',
    label: trans.__('Runs'),
    caption: trans.__('Past runs with parameters and metrics; sweeps'),
    icon: runsIcon,
    rank: 4,
    draw: () => createElement(Runs, { key: root(gristmill), gristmill, trans })
  })
);

export const models = room(
  'gristmill:models',
  'Versions of models and what is done to them.',
  (app, gristmill, trans) => {
    const open = pages(app, modelsIcon);
    return {
      name: 'models',
      label: trans.__('Models'),
      caption: trans.__('Versions, gates, approvals; promote and roll back'),
      icon: modelsIcon,
      rank: 5,
      draw: () =>
        createElement(Models, {
          key: root(gristmill),
          gristmill,
          trans,
          open,
          notebook: source => void openNotebook(app, gristmill.api.folder, source)
        })
    };
  }
);

export const alerts = room(
  'gristmill:alerts',
  'What monitoring found.',
  (app, gristmill, trans) => {
    const open = pages(app, alertsIcon);
    return {
      name: 'alerts',
      label: trans.__('Alerts'),
      caption: trans.__('What fired, on which model, and why'),
      icon: alertsIcon,
      rank: 6,
      draw: () => createElement(Alerts, { key: root(gristmill), gristmill, trans, open })
    };
  }
);

/** Panels of another project begin anew. */
function root(gristmill: IGristmill): string {
  return gristmill.project.view?.root ?? '';
}

/** A new notebook in the project with one cell, which is run. */
async function openNotebook(app: JupyterFrontEnd, cwd: string, source: string): Promise<void> {
  const panel = (await app.commands.execute('notebook:create-new', {
    cwd,
    kernelName: 'python3'
  })) as NotebookPanel | undefined;
  if (!panel) {
    return;
  }
  await panel.context.ready;
  await panel.sessionContext.ready;
  panel.content.model?.sharedModel.getCell(0).setSource(source);
  await app.commands.execute('notebook:run-cell');
}

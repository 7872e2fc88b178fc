import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker, type ICommandPalette } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';

import { CATEGORY, type Execute } from '../commands/command';
import type { WatchedManager } from '../managers/watched';
import { ProjectPanel } from '../panels/frame';
import type { IGristmill } from '../tokens';

/** A panel that is opened by a command, a launcher tile and the menu, and comes back on reload. */
export interface IPanel {
  /** The command is `gristmill:open-NAME`. */
  name: string;
  label: string;
  caption: string;
  icon: LabIcon;
  rank: number;
  /** Asked for when the panel is in view. */
  watches: readonly WatchedManager[];
  /** Asked when a project is open. */
  draw: () => JSX.Element;
}

export interface IPlaces {
  palette: ICommandPalette | null;
  launcher: ILauncher | null;
  restorer: ILayoutRestorer | null;
}

/** Returns what runs a command of the application. */
export function executor(app: JupyterFrontEnd): Execute {
  return (command, args) => void app.commands.execute(command, args);
}

export function addPanel(
  app: JupyterFrontEnd,
  gristmill: IGristmill,
  trans: TranslationBundle,
  places: IPlaces,
  panel: IPanel
): void {
  const command = `gristmill:open-${panel.name}`;
  // eslint-disable-next-line jupyter/require-disposable-ownership -- as long as the application
  const tracker = new WidgetTracker<MainAreaWidget>({ namespace: `gristmill-${panel.name}` });
  const build = (): MainAreaWidget => {
    const content = new ProjectPanel(gristmill.project, executor(app), trans, panel);
    const widget = new MainAreaWidget({ content });
    widget.id = `gristmill-${panel.name}`;
    widget.title.label = panel.label;
    widget.title.caption = panel.caption;
    widget.title.icon = panel.icon;
    widget.title.closable = true;
    widget.content.node.setAttribute('aria-label', panel.label);
    widget.toolbar.hide();
    return widget;
  };
  app.commands.addCommand(command, {
    label: panel.label,
    caption: panel.caption,
    icon: panel.icon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => {
      const open = tracker.find(() => true) ?? build();
      if (!tracker.has(open)) {
        void tracker.add(open);
      }
      if (!open.isAttached) {
        app.shell.add(open, 'main', { type: CATEGORY });
      }
      app.shell.activateById(open.id);
      return open;
    }
  });
  places.palette?.addItem({ command, category: CATEGORY, rank: panel.rank });
  places.launcher?.add({ command, category: CATEGORY, rank: panel.rank });
  if (places.restorer) {
    void places.restorer.restore(tracker, { command, name: () => panel.name });
  }
}

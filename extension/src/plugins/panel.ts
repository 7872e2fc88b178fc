import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker, type ICommandPalette } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';

export const CATEGORY = 'Gristmill';

/** A panel that is opened by a command, a launcher tile and the menu, and comes back on reload. */
export interface IPanel {
  /** A word: the command is `gristmill:open-NAME`. */
  name: string;
  label: string;
  caption: string;
  icon: LabIcon;
  rank: number;
  make: () => Widget;
}

export interface IPlaces {
  palette: ICommandPalette | null;
  launcher: ILauncher | null;
  restorer: ILayoutRestorer | null;
}

/** Returns the name of the command, which shows the panel that is open or opens one. */
export function addPanel(app: JupyterFrontEnd, places: IPlaces, panel: IPanel): string {
  const command = `gristmill:open-${panel.name}`;
  const tracker = new WidgetTracker<MainAreaWidget>({ namespace: `gristmill-${panel.name}` });
  app.commands.addCommand(command, {
    label: panel.label,
    caption: panel.caption,
    icon: panel.icon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => {
      const open = tracker.find(() => true) ?? build(panel);
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
  return command;
}

function build(panel: IPanel): MainAreaWidget {
  const widget = new MainAreaWidget({ content: panel.make() });
  widget.id = `gristmill-${panel.name}`;
  widget.title.label = panel.label;
  widget.title.caption = panel.caption;
  widget.title.icon = panel.icon;
  widget.title.closable = true;
  widget.content.node.setAttribute('aria-label', panel.label);
  widget.toolbar.hide();
  return widget;
}

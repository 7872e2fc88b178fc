import { MainAreaWidget } from '@jupyterlab/apputils';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { LabIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';

/** Shows a page that the server drew, in a frame without scripts or an origin. */
export type ShowPage = (title: string, html: string) => void;

export function pages(app: JupyterFrontEnd, icon: LabIcon): ShowPage {
  let count = 0;
  return (title, html) => {
    const content = new Widget();
    const frame = document.createElement('iframe');
    frame.className = 'gm-page';
    frame.title = title;
    frame.setAttribute('sandbox', '');
    frame.srcdoc = html;
    content.node.append(frame);
    content.addClass('gm-Panel');
    const widget = new MainAreaWidget({ content });
    widget.id = `gristmill-page-${++count}`;
    widget.title.label = title;
    widget.title.icon = icon;
    widget.title.closable = true;
    widget.toolbar.hide();
    app.shell.add(widget, 'main', { type: 'Gristmill' });
    app.shell.activateById(widget.id);
  };
}

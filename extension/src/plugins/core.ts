import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { PromiseDelegate } from '@lumino/coreutils';

import { Api } from '../api';
import { RunFilesDrive } from '../drive';
import { ProjectEvents } from '../managers/events';
import { Opener } from '../managers/opener';
import { PipelineManager } from '../managers/pipeline';
import { ProjectManager } from '../managers/project';
import { IGristmill } from '../tokens';

/** The project follows the file browser. */
export const core: JupyterFrontEndPlugin<IGristmill> = {
  id: 'gristmill:core',
  description: 'The open project, what happens in it and its pipeline.',
  autoStart: true,
  provides: IGristmill,
  requires: [IDocumentManager],
  optional: [IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    documents: IDocumentManager,
    browser: IDefaultFileBrowser | null
  ): IGristmill => {
    const settings = app.serviceManager.serverSettings;
    const api = new Api(settings);
    const project = new ProjectManager(api);
    const events = new ProjectEvents(api, project);
    const pipeline = new PipelineManager(api, events);
    const entered = new PromiseDelegate<void>();
    app.serviceManager.contents.addDrive(new RunFilesDrive(api, settings, entered.promise));
    const enter = async (): Promise<void> => {
      await browser?.model.restored;
      await project.enter(localPath(app, browser?.model.path ?? ''));
      entered.resolve();
      browser?.model.pathChanged.connect(model => {
        void project.enter(localPath(app, model.path));
      });
    };
    void enter();
    const opener = new Opener(documents, app.commands, pipeline);
    return { api, project, events, pipeline, opener };
  }
};

/** A folder on the server itself; another drive's is taken for the server's root. */
function localPath(app: JupyterFrontEnd, path: string): string {
  const contents = app.serviceManager.contents;
  return contents.driveName(path) ? '' : contents.localPath(path);
}

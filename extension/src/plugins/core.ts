import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';

import { Api } from '../api';
import { ProjectManager } from '../managers/project';
import { IGristmill } from '../tokens';

/** The project follows the file browser. */
export const core: JupyterFrontEndPlugin<IGristmill> = {
  id: 'gristmill:core',
  description: 'The open project and the requests about it.',
  autoStart: true,
  provides: IGristmill,
  optional: [IDefaultFileBrowser],
  activate: (app: JupyterFrontEnd, browser: IDefaultFileBrowser | null): IGristmill => {
    const api = new Api(app.serviceManager.serverSettings);
    const project = new ProjectManager(api);
    void app.restored.then(async () => {
      await browser?.model.restored;
      await project.enter(localPath(app, browser?.model.path ?? ''));
      browser?.model.pathChanged.connect(model => {
        void project.enter(localPath(app, model.path));
      });
    });
    return { api, project };
  }
};

/** A folder on the server itself; another drive's is taken for the server's root. */
function localPath(app: JupyterFrontEnd, path: string): string {
  const contents = app.serviceManager.contents;
  return contents.driveName(path) ? '' : contents.localPath(path);
}

import { Token } from '@lumino/coreutils';

import type { Api } from './api';
import type { ProjectManager } from './managers/project';

/** What the panels share. A panel's own manager is made by its plugin, from these. */
export interface IGristmill {
  readonly api: Api;
  readonly project: ProjectManager;
}

export const IGristmill = new Token<IGristmill>(
  'gristmill:IGristmill',
  'The project that is open and the requests about it.'
);

import { Token } from '@lumino/coreutils';

import type { Api } from './api';
import type { ProjectEvents } from './managers/events';
import type { Opener } from './managers/opener';
import type { PipelineManager } from './managers/pipeline';
import type { ProjectManager } from './managers/project';

/** What the plugins share. A panel's own manager is made by its plugin, from these. */
export interface IGristmill {
  readonly api: Api;
  readonly project: ProjectManager;
  readonly events: ProjectEvents;
  readonly pipeline: PipelineManager;
  readonly opener: Opener;
}

export const IGristmill = new Token<IGristmill>(
  'gristmill:IGristmill',
  'The project that is open, what happens in it, its pipeline and the requests about it.'
);

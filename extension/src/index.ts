import { alerts } from './plugins/alerts';
import { core } from './plugins/core';
import { models } from './plugins/models';
import { pipeline } from './plugins/pipeline';
import { runs } from './plugins/runs';
import { steps } from './plugins/steps';

export { IGristmill } from './tokens';

// A panel is a plugin of its own; a new one is a line above and one here.
export default [core, pipeline, steps, runs, models, alerts];

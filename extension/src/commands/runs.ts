import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { TranslationBundle } from '@jupyterlab/translation';

import { runsIcon } from '../icons';
import type { RunsManager } from '../managers/runs';
import type { SweepsManager } from '../managers/sweeps';
import type { SweepRequest } from '../schema';
import type { IGristmill } from '../tokens';
import type { Arguments, ICommand } from './command';
import { complete } from './dialog';
import type { IForm } from './form';

const RUN = { type: 'string', description: 'The name of a run' };
const SWEEP = {
  name: { type: 'string', description: 'The name of the sweep, or of a file in sweeps/' },
  parameters: {
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Values to try for each STEP.PARAMETER; none when a file has them'
  },
  metric: { type: 'string', description: 'FILE:KEY' },
  maximize: { type: 'boolean' },
  method: { type: 'string', description: 'grid, random or optuna' },
  trials: { type: 'integer', description: 'How many; 0 for all of a grid' }
};

/** What is done with past runs, and sweeps. */
export function runCommands(
  app: JupyterFrontEnd,
  gristmill: IGristmill,
  runs: RunsManager,
  sweeps: SweepsManager,
  trans: TranslationBundle
): ICommand[] {
  const { project } = gristmill;
  const open = (): boolean => project.found;
  return [
    {
      name: 'diff',
      label: trans.__('Compare Two Runs…'),
      caption: trans.__('Show the parameters, metrics and cells in which two runs differ'),
      icon: runsIcon,
      args: { one: RUN, other: RUN },
      isEnabled: open,
      execute: async args => {
        const names = args['one'] && args['other'] ? [] : await runs.names();
        const options = names.map(name => ({ value: name, label: name }));
        const form: IForm = {
          title: trans.__('Compare two runs'),
          verb: trans.__('Compare'),
          fields: [
            { name: 'other', label: trans.__('Run'), required: true, options: () => options },
            {
              name: 'one',
              label: trans.__('With'),
              required: true,
              options: values => options.filter(({ value }) => value !== values['other'])
            }
          ]
        };
        const values = await complete(form, args, trans);
        if (values) {
          void runs.compare(values['one'], values['other']);
          await app.commands.execute('gristmill:open-runs');
        }
      }
    },
    {
      name: 'sweep',
      label: trans.__('New Sweep…'),
      caption: trans.__('Try many parameters in parallel'),
      icon: runsIcon,
      args: SWEEP,
      isEnabled: open,
      execute: async args => {
        if (typeof args['name'] === 'string') {
          const { name } = await sweeps.start(sweepRequest(args, args['name']));
          return trans.__('The sweep %1 has started.', name);
        }
        sweeps.draft(true);
        await app.commands.execute('gristmill:open-runs');
      }
    },
    {
      name: 'sweep-apply',
      label: trans.__('Use the Best of a Sweep…'),
      caption: trans.__('Write the parameters of the best trial into params.yaml'),
      icon: runsIcon,
      args: { sweep: { type: 'string', description: 'The name of a sweep' } },
      isEnabled: open,
      execute: async args => {
        const view = await sweeps.load();
        const done = view.sweeps.filter(sweep => sweep.best !== null && !sweep.alive);
        const form: IForm = {
          title: trans.__('Use the best trial of a sweep'),
          verb: trans.__('Use'),
          fields: [
            {
              name: 'sweep',
              label: trans.__('Sweep'),
              required: true,
              placeholder: trans.__('No sweep has a best trial yet'),
              options: () => done.map(({ name }) => ({ value: name, label: name }))
            }
          ]
        };
        const values = await complete(form, args, trans);
        if (values) {
          await sweeps.apply(values['sweep']);
          return trans.__(
            'params.yaml has the best parameters of %1. Run the pipeline to use them.',
            values['sweep']
          );
        }
      }
    },
    {
      name: 'mlflow',
      label: trans.__('Open MLflow'),
      caption: trans.__('Open MLflow’s own pages in a new tab of the browser'),
      icon: runsIcon,
      isEnabled: open,
      execute: async () => {
        const page = window.open('', '_blank'); // later it would be blocked as a pop-up
        try {
          const { url } = await runs.mlflow();
          if (page) {
            page.opener = null;
            page.location.href = url;
          }
        } catch (error) {
          page?.close();
          throw error;
        }
      }
    }
  ];
}

function sweepRequest(args: Arguments, name: string): SweepRequest {
  return {
    name,
    parameters: (args['parameters'] as Record<string, string> | undefined) ?? {},
    metric: (args['metric'] as string | undefined) ?? '',
    maximize: (args['maximize'] as boolean | undefined) ?? true,
    method: (args['method'] as string | undefined) ?? 'grid',
    trials: (args['trials'] as number | undefined) ?? 0
  };
}

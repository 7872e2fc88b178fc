import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';

import { millIcon } from '../icons';
import type { Finding, RunWanted, StepView, SyncRequest } from '../schema';
import type { IGristmill } from '../tokens';
import type { Arguments, ICommand, IOutcome } from './command';

const PLUGIN = 'gristmill:plugin';
const STEP = {
  step: { type: 'string', description: 'The name of a step' },
  here: { type: 'boolean', description: 'The step under the context menu' }
};
const PARAMETERS = {
  params: { type: 'string', description: 'The name of a set of parameters' },
  overrides: { type: 'object', description: 'Values for STEP.PARAMETER, over all others' }
};
const LINT = {
  steps: {
    type: 'array',
    items: { type: 'string' },
    description: 'Steps to check; all when there are none'
  }
};
const RUN = {
  targets: {
    type: 'array',
    items: { type: 'string' },
    description: 'Steps to run with what they need; all when there are none'
  },
  only: { type: 'boolean', description: 'Only the targets, without what they need' },
  force: { type: 'boolean', description: 'Fresh steps too' },
  ...PARAMETERS
};

/** Everything that can be done to the pipeline and its steps. */
export function pipelineCommands(
  app: JupyterFrontEnd,
  gristmill: IGristmill,
  settings: ISettingRegistry | null,
  trans: TranslationBundle
): ICommand[] {
  const { pipeline, project, opener } = gristmill;
  const loaded = settings?.load(PLUGIN).catch(() => null) ?? Promise.resolve(null);
  const run = async (wanted: Partial<RunWanted>): Promise<void> => {
    const composite = (await loaded)?.composite ?? {};
    await pipeline.run({
      keep_failed: (composite['keepFailed'] as boolean | undefined) ?? true,
      workers: (composite['workers'] as number | undefined) ?? 0,
      ...wanted
    });
  };
  const idle = (): boolean => project.found && pipeline.idle;
  const parked = (step: string): string | undefined =>
    pipeline.view?.parked.find(kernel => !step || kernel.step === step)?.step;
  const stepOf = (name: string): StepView | undefined =>
    pipeline.view?.steps.find(step => step.name === name);
  const executed = (name: string): string =>
    stepOf(name) ? (pipeline.statusOf(name).step?.executed ?? '') : '';
  const named = (args: Arguments): string => {
    const hit = (node: HTMLElement): boolean => node.dataset['step'] !== undefined;
    const under = args['here'] ? app.contextMenuHitTest(hit) : undefined;
    return (args['step'] as string | undefined) ?? under?.dataset['step'] ?? '';
  };

  /** About one step, which must be named. */
  const ofStep = (
    name: string,
    label: string,
    caption: string,
    enabled: (step: string) => boolean,
    execute: (step: string) => Promise<void> | void
  ): ICommand => ({
    name,
    label,
    caption,
    args: STEP,
    hidden: true,
    isEnabled: args => named(args) !== '' && enabled(named(args)),
    execute: args => execute(named(args))
  });
  /** About the kernel of a failed step: the one that is named, or any. */
  const ofKernel = (
    name: string,
    label: string,
    caption: string,
    enabled: () => boolean,
    execute: (step: string) => Promise<void>
  ): ICommand => ({
    name,
    label,
    caption,
    args: STEP,
    isEnabled: args => enabled() && parked(named(args)) !== undefined,
    execute: args => execute(parked(named(args))!)
  });

  return [
    {
      name: 'run',
      label: trans.__('Run the Pipeline'),
      caption: trans.__('Run the steps that are stale'),
      icon: millIcon,
      args: RUN,
      isEnabled: idle,
      execute: args => run(only<RunWanted>(args, RUN))
    },
    {
      name: 'force',
      label: trans.__('Run All Steps Again'),
      caption: trans.__('Run every step, fresh or not'),
      isEnabled: idle,
      execute: () => run({ force: true })
    },
    {
      name: 'cancel',
      label: trans.__('Cancel the Run'),
      caption: trans.__('Stop the run; steps that have succeeded stay done'),
      isEnabled: () => pipeline.active !== null,
      execute: () => pipeline.cancel()
    },
    ofKernel(
      'resume',
      trans.__('Resume from the Failed Step'),
      trans.__('Continue in the kernel of the failed step, from the cell that failed'),
      idle,
      step => pipeline.resume(step)
    ),
    ofKernel(
      'open-kernel',
      trans.__('Open the Kernel of the Failed Step'),
      trans.__('Open the executed notebook on the kernel that is still running'),
      () => true,
      step => opener.openKernel(step)
    ),
    ofKernel(
      'end-kernel',
      trans.__('End the Kernel of the Failed Step'),
      trans.__('Shut the kernel down; its variables are lost'),
      idle,
      step => pipeline.endKernel(step)
    ),
    ofStep(
      'open-source',
      trans.__('Open Source'),
      trans.__('Open the notebook of the step'),
      step => Boolean(stepOf(step)?.path),
      step => opener.open(stepOf(step)!.path!)
    ),
    ofStep(
      'open-executed',
      trans.__('Open Executed Notebook'),
      trans.__('Open the notebook with the outputs of its last run'),
      step => executed(step) !== '',
      step => opener.openRunFile(executed(step))
    ),
    ofStep(
      'open-log',
      trans.__('Open Log'),
      trans.__('Open what the step printed in its last run'),
      step => executed(step) !== '',
      step => opener.openRunFile(executed(step).replace(/\.ipynb$/, '.log'))
    ),
    ofStep(
      'run-to-step',
      trans.__('Run to Here'),
      trans.__('Run this step and the stale steps it needs'),
      idle,
      step => run({ targets: [step] })
    ),
    ofStep(
      'run-only-step',
      trans.__('Run Only This'),
      trans.__('Run this step if it is stale, without the steps it needs'),
      idle,
      step => run({ targets: [step], only: true })
    ),
    ofStep(
      'force-step',
      trans.__('Run Only This Again'),
      trans.__('Run this step, fresh or not, without the steps it needs'),
      idle,
      step => run({ targets: [step], only: true, force: true })
    ),
    {
      name: 'sync',
      label: trans.__('Write dvc.yaml'),
      caption: trans.__('Write dvc.yaml from the notebooks, as dvc repro needs it'),
      args: PARAMETERS,
      isEnabled: () => project.found,
      execute: async args => (await pipeline.sync(only<SyncRequest>(args, PARAMETERS))).message
    },
    {
      name: 'lint',
      label: trans.__('Check the Notebooks'),
      caption: trans.__('Look for undefined names, secrets, undeclared files and the like'),
      args: LINT,
      isEnabled: () => project.found,
      execute: async args => {
        const steps = Array.isArray(args['steps']) ? (args['steps'] as string[]) : [];
        return lintOutcome(await pipeline.lint(steps), trans);
      }
    },
    {
      name: 'init',
      label: trans.__('Make This Folder a Project'),
      caption: trans.__('Write gristmill.toml into the folder that the file browser shows'),
      isEnabled: () => project.view?.found === false,
      execute: () => project.init()
    },
    {
      name: 'trust',
      label: trans.__('Trust This Project…'),
      caption: trans.__('Let the code of this project run, and the hosts that it names be asked'),
      isEnabled: () => project.view?.trusted === false,
      execute: async () => {
        const { button } = await showDialog({
          title: trans.__('Do you trust the authors of %1?', project.view?.name ?? ''),
          body: trans.__(
            'Its notebooks, modules and models will run as you, and the hosts that its settings name will be sent your credentials. Its folder: %1',
            project.view?.root ?? ''
          ),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.warnButton({ label: trans.__('Trust') })
          ],
          defaultButton: 0
        });
        if (button.accept) {
          await project.trust();
        }
      }
    },
    {
      name: 'revoke-trust',
      label: trans.__('Trust This Project No Longer'),
      caption: trans.__('Nothing of this project runs until it is trusted again'),
      isEnabled: () => project.found && project.view?.trusted === true,
      execute: () => project.revokeTrust()
    }
  ];
}

/** JupyterLab adds arguments of its own, such as the event of a key, that the server would refuse. */
function only<T>(args: Arguments, known: object): Partial<T> {
  return Object.fromEntries(Object.entries(args).filter(([name]) => name in known)) as Partial<T>;
}

function lintOutcome(findings: readonly Finding[], trans: TranslationBundle): string | IOutcome {
  if (!findings.length) {
    return trans.__('Nothing is wrong with the notebooks.');
  }
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  return {
    kind: errors ? 'error' : 'warning',
    message: [
      errors ? trans._n('%1 error', '%1 errors', errors) : '',
      warnings ? trans._n('%1 warning', '%1 warnings', warnings) : ''
    ]
      .filter(Boolean)
      .join(', '),
    details: findings.map(finding =>
      [`${location(finding, trans)}: ${finding.message}`, finding.hint, `[${finding.code}]`]
        .filter(Boolean)
        .join(' ')
    )
  };
}

function location({ notebook, cell, line }: Finding, trans: TranslationBundle): string {
  return [
    notebook,
    cell >= 0 ? trans.__('cell %1', cell + 1) : '',
    line ? trans.__('line %1', line) : ''
  ]
    .filter(Boolean)
    .join(', ');
}

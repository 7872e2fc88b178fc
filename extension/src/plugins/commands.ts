import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { RunWanted } from '../schema';
import type { IGristmill } from '../tokens';
import { CATEGORY } from './panel';

export const PLUGIN = 'gristmill:plugin';
const STEP = {
  type: 'object',
  properties: {
    step: { type: 'string', description: 'The name of a step' },
    here: { type: 'boolean', description: 'The step under the context menu' }
  }
} as const;

interface ICommand {
  name: string;
  label: string;
  /** About one step: the argument `step`, or the one under the context menu. */
  step?: boolean;
  enabled: (step: string) => boolean;
  execute: (step: string) => Promise<void> | void;
}

/** Everything that can be done to the pipeline, as commands, with the context menu of a step. */
export function addStepCommands(
  app: JupyterFrontEnd,
  gristmill: IGristmill,
  trans: TranslationBundle,
  places: { palette: ICommandPalette | null; settings: ISettingRegistry | null }
): void {
  const { pipeline, project, opener } = gristmill;
  const loaded = places.settings?.load(PLUGIN) ?? Promise.resolve(null);
  const run = async (wanted: Partial<RunWanted>): Promise<void> => {
    const settings = await loaded.catch(() => null);
    await pipeline.run({
      keep_failed: (settings?.composite['keepFailed'] as boolean | undefined) ?? true,
      workers: (settings?.composite['workers'] as number | undefined) ?? 0,
      ...wanted
    });
  };
  const idle = (): boolean =>
    project.view?.found === true && pipeline.active === null && !pipeline.starting;
  const parked = (step: string): string | undefined =>
    pipeline.view?.parked.find(kernel => !step || kernel.step === step)?.step;
  const stepOf = (name: string) => pipeline.view?.steps.find(step => step.name === name);
  const executed = (name: string): string =>
    stepOf(name) ? (pipeline.statusOf(name).step?.executed ?? '') : '';
  const commands: ICommand[] = [
    { name: 'run', label: trans.__('Run the Pipeline'), enabled: idle, execute: () => run({}) },
    {
      name: 'force',
      label: trans.__('Run All Steps Again'),
      enabled: idle,
      execute: () => run({ force: true })
    },
    {
      name: 'cancel',
      label: trans.__('Cancel the Run'),
      enabled: () => pipeline.active !== null,
      execute: () => pipeline.cancel()
    },
    {
      name: 'resume',
      label: trans.__('Resume from the Failed Step'),
      enabled: step => idle() && parked(step) !== undefined,
      execute: step => pipeline.resume(parked(step)!)
    },
    {
      name: 'open-source',
      label: trans.__('Open Source'),
      step: true,
      enabled: step => Boolean(stepOf(step)?.path),
      execute: step => opener.open(stepOf(step)!.path!)
    },
    {
      name: 'open-executed',
      label: trans.__('Open Executed Notebook'),
      step: true,
      enabled: step => executed(step) !== '',
      execute: step => opener.openKept(executed(step))
    },
    {
      name: 'open-log',
      label: trans.__('Open Log'),
      step: true,
      enabled: step => executed(step) !== '',
      execute: step => opener.openKept(executed(step).replace(/\.ipynb$/, '.log'))
    },
    {
      name: 'open-kernel',
      label: trans.__('Open the Kernel of the Failed Step'),
      enabled: step => parked(step) !== undefined,
      execute: step => opener.openKernel(parked(step)!)
    },
    {
      name: 'end-kernel',
      label: trans.__('End the Kernel of the Failed Step'),
      enabled: step => idle() && parked(step) !== undefined,
      execute: step => pipeline.endKernel(parked(step)!)
    },
    {
      name: 'run-to-step',
      label: trans.__('Run to Here'),
      step: true,
      enabled: idle,
      execute: step => run({ targets: [step] })
    },
    {
      name: 'run-only-step',
      label: trans.__('Run Only This'),
      step: true,
      enabled: idle,
      execute: step => run({ targets: [step], only: true })
    },
    {
      name: 'force-step',
      label: trans.__('Run Only This Again'),
      step: true,
      enabled: idle,
      execute: step => run({ targets: [step], only: true, force: true })
    }
  ];
  const asked = (args: ReadonlyPartialJSONObject): string => {
    const hit = (node: HTMLElement): boolean => node.dataset['step'] !== undefined;
    const under = args['here'] ? app.contextMenuHitTest(hit) : undefined;
    return (args['step'] as string | undefined) ?? under?.dataset['step'] ?? '';
  };
  commands.forEach((command, rank) => {
    const id = `gristmill:${command.name}`;
    app.commands.addCommand(id, {
      label: command.label,
      describedBy: { args: STEP },
      isEnabled: args => {
        const step = asked(args);
        return (!command.step || step !== '') && command.enabled(step);
      },
      execute: args => command.execute(asked(args))
    });
    if (!command.step) {
      places.palette?.addItem({ command: id, category: CATEGORY, rank: 10 + rank });
    }
  });
  pipeline.changed.connect(() => {
    commands.forEach(({ name }) => app.commands.notifyCommandChanged(`gristmill:${name}`));
  });
}

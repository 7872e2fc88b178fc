import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import { modelsIcon } from '../icons';
import {
  modelIn,
  promoteObstacle,
  registerObstacle,
  requestObstacle,
  rollbackObstacle,
  type ModelsManager,
  type Obstacle
} from '../managers/models';
import type { ShowPage } from '../panels/page';
import type { ModelsView, ModelView, VersionView, WaitingView } from '../schema';
import type { IGristmill } from '../tokens';
import type { Arguments, ICommand } from './command';
import { complete } from './dialog';
import type { IField, IForm, Values } from './form';

const MODEL = { model: { type: 'string', description: 'The name of a model' } };
const VERSION = { version: { type: 'integer', description: 'The number of a version' } };
const VERSIONS = {
  versions: { type: 'array', items: { type: 'integer' }, description: 'Numbers of versions' }
};
const REASON = { reason: { type: 'string', description: 'Why; the ledger keeps it' } };
const REPORT = { report: { type: 'string', description: 'The digest of the gate report read' } };
const RUN = { run: { type: 'string', description: 'The run whose model it is; "" for the files' } };

type Allowed<T> = (view: ModelsView, model: ModelView, version: T) => Obstacle | null;

/** The verbs of promotion. */
export function modelCommands(
  app: JupyterFrontEnd,
  gristmill: IGristmill,
  models: ModelsManager,
  show: ShowPage,
  trans: TranslationBundle
): ICommand[] {
  const { project } = gristmill;

  const modelField = (view: ModelsView, allowed: (model: ModelView) => boolean): IField => ({
    name: 'model',
    label: trans.__('Model'),
    required: true,
    placeholder: trans.__('There is none for which this can be done'),
    options: () =>
      view.models.filter(allowed).map(model => ({ value: model.name, label: model.name }))
  });
  const versionField = (view: ModelsView, allowed: Allowed<VersionView>): IField => ({
    name: 'version',
    label: trans.__('Version'),
    required: true,
    placeholder: trans.__('There is none for which this can be done'),
    options: values => {
      const model = modelIn(view, values['model']);
      return versionsOf(view, model, allowed).map(version => ({
        value: String(version.version),
        label: [
          `${version.version}`,
          ...version.aliases,
          version.verdict || trans.__('gates not run')
        ]
          .filter(Boolean)
          .join(' · ')
      }));
    }
  });
  const reasonField: IField = {
    name: 'reason',
    label: trans.__('Reason'),
    required: true,
    placeholder: trans.__('The ledger keeps it')
  };
  const hasVersion =
    (view: ModelsView, allowed: Allowed<VersionView>) =>
    (model: ModelView): boolean =>
      versionsOf(view, model, allowed).length > 0;

  /** A verb that is done to a version; a reason is asked for when it has one. */
  const ofVersion = (verb: {
    name: string;
    label: string;
    caption: string;
    button: string;
    /** The question, when the version is known. */
    title: (model: string, version: string) => string;
    reason?: boolean;
    args?: object;
    allowed: Allowed<VersionView>;
    done: (
      model: string,
      version: number,
      reason: string,
      args: Arguments
    ) => Promise<{ message: string }>;
  }): ICommand => ({
    name: verb.name,
    label: verb.label,
    caption: verb.caption,
    icon: modelsIcon,
    args: { ...MODEL, ...VERSION, ...(verb.reason ? REASON : {}), ...verb.args },
    isEnabled: args => {
      const view = models.state.value;
      const model = modelIn(view, args['model'] as string);
      const version = model?.versions.find(({ version }) => version === args['version']);
      if (!view || !model || !version) {
        return project.found;
      }
      return verb.allowed(view, model, version) === null;
    },
    execute: async args => {
      const view = await models.load();
      const known = args['model'] !== undefined && args['version'] !== undefined;
      const form: IForm = {
        title: known
          ? verb.title(text(args['model']), text(args['version']))
          : verb.label.replace('…', ''),
        verb: verb.button,
        fields: [
          modelField(view, hasVersion(view, verb.allowed)),
          versionField(view, verb.allowed),
          ...(verb.reason ? [reasonField] : [])
        ]
      };
      const values = await complete(form, args, trans);
      if (values) {
        const { model, version, reason } = values;
        return (await verb.done(model, Number(version), reason, args)).message;
      }
    }
  });
  const requestOf = (view: ModelsView, model: string, version: number): WaitingView | undefined =>
    view.waiting.find(request => request.model === model && request.version === version);
  const decidable: Allowed<VersionView> = (view, model, version) =>
    requestOf(view, model.name, version.version)?.mine ? null : 'role';
  const reportOf = (model: string, version: number, args: Arguments): string => {
    const view = models.state.value;
    const shown = view ? requestOf(view, model, version)?.report : undefined;
    return (args['report'] as string | undefined) ?? shown ?? '';
  };

  return [
    {
      name: 'register',
      label: trans.__('Register a Model…'),
      caption: trans.__('Make the model that a run made the next version'),
      icon: modelsIcon,
      args: { ...MODEL, ...RUN },
      isEnabled: args => {
        const view = models.state.value;
        const model = modelIn(view, args['model'] as string);
        return view && model ? registerObstacle(view, model) === null : project.found;
      },
      execute: async args => {
        const view = await models.load();
        const form: IForm = {
          title: trans.__('Register a version'),
          verb: trans.__('Register'),
          fields: [
            modelField(view, model => registerObstacle(view, model) === null),
            {
              name: 'run',
              label: trans.__('From'),
              options: () => [
                { value: '', label: trans.__('the files in the project') },
                ...models.succeeded.map(run => ({ value: run, label: trans.__('run %1', run) }))
              ]
            }
          ]
        };
        const values = await complete(form, args, trans);
        return values ? (await models.register(values['model'], values['run'])).message : undefined;
      }
    },
    ofVersion({
      name: 'gate',
      label: trans.__('Run Gates…'),
      caption: trans.__('Run the gates of a model on a version'),
      button: trans.__('Run gates'),
      title: (model, version) => trans.__('Run the gates on %1 version %2', model, version),
      allowed: () => null,
      done: (model, version) => models.gate(model, version)
    }),
    ofVersion({
      name: 'request',
      label: trans.__('Request a Decision…'),
      caption: trans.__('Ask the reviewers to approve or reject a version'),
      button: trans.__('Request'),
      title: (model, version) => trans.__('Request a decision on %1 version %2', model, version),
      reason: true,
      allowed: requestObstacle,
      done: (model, version, reason) => models.request(model, version, reason)
    }),
    ofVersion({
      name: 'approve',
      label: trans.__('Approve a Version…'),
      caption: trans.__('Approve a version with its last gate report'),
      button: trans.__('Approve'),
      title: (model, version) => trans.__('Approve %1 version %2', model, version),
      reason: true,
      args: REPORT,
      allowed: decidable,
      done: (model, version, reason, args) =>
        models.approve(model, version, reason, reportOf(model, version, args))
    }),
    ofVersion({
      name: 'reject',
      label: trans.__('Reject a Version…'),
      caption: trans.__('Reject a version with its last gate report'),
      button: trans.__('Reject'),
      title: (model, version) => trans.__('Reject %1 version %2', model, version),
      reason: true,
      args: REPORT,
      allowed: decidable,
      done: (model, version, reason, args) =>
        models.reject(model, version, reason, reportOf(model, version, args))
    }),
    ofVersion({
      name: 'promote',
      label: trans.__('Promote a Version…'),
      caption: trans.__('Make a version that passed its gates the champion'),
      button: trans.__('Promote'),
      title: (model, version) => trans.__('Make version %2 the champion of %1', model, version),
      reason: true,
      allowed: promoteObstacle,
      done: (model, version, reason) => models.promote(model, version, reason)
    }),
    {
      name: 'rollback',
      label: trans.__('Roll Back…'),
      caption: trans.__('Make the version that was champion before the champion again'),
      icon: modelsIcon,
      args: { ...MODEL, ...REASON },
      isEnabled: args => {
        const view = models.state.value;
        const model = modelIn(view, args['model'] as string);
        return view && model ? rollbackObstacle(view, model) === null : project.found;
      },
      execute: async args => {
        const view = await models.load();
        const model = modelIn(view, args['model'] as string);
        const form: IForm = {
          title: model
            ? trans.__(
                'Roll %1 back from version %2 to version %3',
                model.name,
                model.champion ?? '–',
                model.back ?? '–'
              )
            : trans.__('Roll back'),
          verb: trans.__('Roll back'),
          fields: [modelField(view, one => rollbackObstacle(view, one) === null), reasonField]
        };
        const values = await complete(form, args, trans);
        return values
          ? (await models.rollback(values['model'], values['reason'])).message
          : undefined;
      }
    },
    {
      name: 'compare',
      label: trans.__('Compare Versions…'),
      caption: trans.__('Compare versions of a model on the same rows'),
      icon: modelsIcon,
      args: { ...MODEL, ...VERSIONS },
      isEnabled: () => project.found,
      execute: async args => {
        const asked = await comparedVersions(args);
        if (asked) {
          const page = await models.compare(asked.model, asked.versions);
          show(page.title, page.html);
        }
      }
    },
    {
      name: 'compare-in-notebook',
      label: trans.__('Compare Versions in a Notebook…'),
      caption: trans.__('Open the comparison widget in a new notebook'),
      icon: modelsIcon,
      args: { ...MODEL, ...VERSIONS },
      isEnabled: () => project.found,
      execute: async args => {
        const asked = await comparedVersions(args);
        if (asked) {
          const source = widgetSource(asked.model, asked.versions);
          await openNotebook(app, project.view?.folder ?? '', source);
        }
      }
    }
  ];

  async function comparedVersions(
    args: Arguments
  ): Promise<{ model: string; versions: number[] } | null> {
    if (args['model'] && Array.isArray(args['versions'])) {
      return { model: text(args['model']), versions: ordered(args['versions'] as number[]) };
    }
    const view = await models.load();
    const versions = (values: Values): { value: string; label: string }[] =>
      (modelIn(view, values['model'])?.versions ?? []).map(({ version }) => ({
        value: String(version),
        label: String(version)
      }));
    const second = (values: Values): { value: string; label: string }[] =>
      versions(values).filter(({ value }) => value !== values['one']);
    const form: IForm = {
      title: trans.__('Compare two versions'),
      verb: trans.__('Compare'),
      fields: [
        modelField(view, model => model.versions.length > 1),
        { name: 'one', label: trans.__('Version'), required: true, options: versions },
        { name: 'other', label: trans.__('With version'), required: true, options: second }
      ]
    };
    const values = await complete(form, args, trans);
    return (
      values && {
        model: values['model'],
        versions: ordered([Number(values['one']), Number(values['other'])])
      }
    );
  }
}

function versionsOf(
  view: ModelsView,
  model: ModelView | undefined,
  allowed: Allowed<VersionView>
): VersionView[] {
  return model?.versions.filter(version => allowed(view, model, version) === null) ?? [];
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function ordered(versions: readonly number[]): number[] {
  return [...versions].sort((a, b) => a - b);
}

function widgetSource(model: string, versions: readonly number[]): string {
  return `from gristmill.widgets import CompareModels\n\nCompareModels(${JSON.stringify(model)}, (${versions.join(', ')}))`;
}

/** A new notebook in the folder `cwd` with one cell, which is run. */
async function openNotebook(app: JupyterFrontEnd, cwd: string, source: string): Promise<void> {
  const panel = (await app.commands.execute('notebook:create-new', {
    cwd,
    kernelName: 'python3'
  })) as NotebookPanel | undefined;
  if (!panel) {
    return;
  }
  await panel.context.ready;
  await panel.sessionContext.ready;
  panel.content.model?.sharedModel.getCell(0).setSource(source);
  await app.commands.execute('notebook:run-cell');
}

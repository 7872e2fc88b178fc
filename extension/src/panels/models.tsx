import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import type { Execute } from '../commands/command';
import {
  promoteObstacle,
  registerObstacle,
  requestObstacle,
  rollbackObstacle,
  type ModelsManager,
  type Obstacle
} from '../managers/models';
import type { ModelsView, ModelView, VersionView } from '../schema';
import { Button, Loaded, Refresh, Tag, Time, valueText } from './controls';
import { Empty, Problem } from './frame';
import { useChanges } from './hooks';
import { VersionPanel } from './version';

interface IModels {
  models: ModelsManager;
  execute: Execute;
  trans: TranslationBundle;
}

interface IPart extends IModels {
  view: ModelsView;
}

export function Models(props: IModels): JSX.Element {
  const { models, trans } = props;
  useChanges(models.changed);
  const { state } = models;
  return (
    <div className="gm-scroll">
      <div className="gm-bar" role="toolbar" aria-label={trans.__('Models')}>
        {state.value ? (
          <span className="gm-doc">{trans.__('You act as %1', state.value.actor)}</span>
        ) : null}
        <Refresh
          onClick={() => void models.refresh()}
          disabled={state.kind === 'loading'}
          trans={trans}
        />
        {models.busy ? <span role="status">{trans.__('Working…')}</span> : null}
      </div>
      <Loaded state={state} trans={trans}>
        {view => (
          <>
            <Requests view={view} {...props} />
            {view.models.length ? null : (
              <Empty title={trans.__('No models are declared')}>
                <p>
                  {trans.__(
                    'Add a table [models.NAME] to gristmill.toml with the model’s path, metrics, hold-out and gates.'
                  )}
                </p>
              </Empty>
            )}
            {view.models.map(model => (
              <Model key={model.name} model={model} view={view} {...props} />
            ))}
          </>
        )}
      </Loaded>
    </div>
  );
}

/** Requests for a decision that nobody has answered. */
function Requests({ models, execute, trans, view }: IPart): JSX.Element | null {
  if (!view.waiting.length) {
    return null;
  }
  return (
    <section className="gm-section gm-waiting" aria-label={trans.__('Waiting for a decision')}>
      <h3>{trans.__('Waiting for a decision')}</h3>
      <ul className="gm-list">
        {view.waiting.map(request => {
          const { model, version, report } = request;
          const args = { model, version, report };
          return (
            <li key={`${model} ${version}`}>
              <span>
                <b>{trans.__('%1 version %2', model, version)}</b>{' '}
                {trans.__('requested by %1', request.actor)} <Time at={request.at} />
                <span className="gm-doc">
                  {[request.reason, request.mine ? '' : request.why].filter(Boolean).join(' · ')}
                </span>
              </span>
              {request.mine ? (
                <span className="gm-group">
                  <Button
                    kind="accept"
                    disabled={models.busy}
                    onClick={() => execute('gristmill:approve', args)}
                  >
                    {trans.__('Approve')}
                  </Button>
                  <Button
                    kind="warn"
                    disabled={models.busy}
                    onClick={() => execute('gristmill:reject', args)}
                  >
                    {trans.__('Reject')}
                  </Button>
                </span>
              ) : null}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Model(props: IPart & { model: ModelView }): JSX.Element {
  const { model, models, execute, trans, view } = props;
  const [chosen, setChosen] = useState<number[]>([]);
  const { version: details } = models;
  const choose = (version: number): void =>
    setChosen(before =>
      before.includes(version) ? before.filter(one => one !== version) : [...before, version]
    );
  const compared = { model: model.name, versions: chosen };
  const obstacle = rollbackObstacle(view, model);
  return (
    <section className="gm-section" aria-label={model.name}>
      <h2 className="gm-title">{model.name}</h2>
      <p className="gm-doc">
        {model.champion === null
          ? trans.__('No champion yet.')
          : trans.__('Version %1 is the champion.', model.champion)}{' '}
        {model.owner ? trans.__('Owner: %1', model.owner) : ''}
      </p>
      {model.problem ? (
        <Problem record={{ code: 'model', message: model.problem, hint: '' }} />
      ) : null}
      <div className="gm-bar">
        <Register {...props} />
        <Button
          kind="accept"
          disabled={models.busy || chosen.length < 2}
          title={trans.__('Select two versions or more')}
          onClick={() => execute('gristmill:compare', compared)}
        >
          {trans.__('Compare')}
        </Button>
        <Button
          disabled={chosen.length < 2}
          title={trans.__('Open the comparison widget in a notebook')}
          onClick={() => execute('gristmill:compare-in-notebook', compared)}
        >
          {trans.__('Compare in a notebook')}
        </Button>
        <Button
          disabled={models.busy || obstacle !== null}
          title={obstacle ? obstacleText(obstacle, trans) : undefined}
          onClick={() => execute('gristmill:rollback', { model: model.name })}
        >
          {trans.__('Roll back')}
        </Button>
      </div>
      {model.versions.length ? (
        <Versions {...props} chosen={chosen} onChoose={choose} />
      ) : (
        <p className="gm-none">
          {trans.__('No versions yet. Run the pipeline, then register the model it made.')}
        </p>
      )}
      {details?.model === model.name ? <VersionPanel version={details} trans={trans} /> : null}
    </section>
  );
}

/** Make a version of what lies in the project, or of what an earlier run made. */
function Register(props: IPart & { model: ModelView }): JSX.Element {
  const { model, models, execute, trans, view } = props;
  const [run, setRun] = useState('');
  const obstacle = registerObstacle(view, model);
  return (
    <span className="gm-group">
      <select
        className="gm-input gm-fit"
        aria-label={trans.__('What to register')}
        value={run}
        onChange={event => setRun(event.target.value)}
      >
        <option value="">{trans.__('the files in the project')}</option>
        {models.succeeded.map(name => (
          <option key={name} value={name}>
            {trans.__('run %1', name)}
          </option>
        ))}
      </select>
      <Button
        disabled={models.busy || obstacle !== null}
        title={obstacle ? obstacleText(obstacle, trans) : undefined}
        onClick={() => execute('gristmill:register', { model: model.name, run })}
      >
        {trans.__('Register')}
      </Button>
    </span>
  );
}

interface IVersions extends IPart {
  model: ModelView;
  chosen: readonly number[];
  onChoose: (version: number) => void;
}

function Versions(props: IVersions): JSX.Element {
  const { model, trans } = props;
  const metrics = metricNames(model);
  const label = trans.__('Versions of %1', model.name);
  return (
    <div className="gm-wide" tabIndex={0} role="region" aria-label={label}>
      <table className="gm-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="gm-hidden">{trans.__('Selected')}</span>
            </th>
            <th scope="col">{trans.__('version')}</th>
            <th scope="col">{trans.__('gates')}</th>
            {metrics.map(name => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col">
              <span className="gm-hidden">{trans.__('Actions')}</span>
            </th>
            <th scope="col">{trans.__('registered')}</th>
            <th scope="col">{trans.__('commit')}</th>
            <th scope="col">{trans.__('approvals')}</th>
          </tr>
        </thead>
        <tbody>
          {model.versions.map(version => (
            <VersionRow key={version.version} version={version} metrics={metrics} {...props} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function VersionRow(
  props: IVersions & { version: VersionView; metrics: readonly string[] }
): JSX.Element {
  const { version, model, models, execute, trans, view, chosen } = props;
  const number = version.version;
  const args = { model: model.name, version: number };
  const selected = chosen.includes(number);
  const shown = models.version?.model === model.name && models.version.version === number;
  const promote = promoteObstacle(view, model, version);
  return (
    <tr aria-selected={selected}>
      <td>
        <input
          type="checkbox"
          aria-label={trans.__('Select version %1', number)}
          checked={selected}
          onChange={() => props.onChoose(number)}
        />
      </td>
      <td>
        <button
          className="gm-link"
          aria-expanded={shown}
          aria-label={trans.__('Details of version %1', number)}
          onClick={() => void models.toggleDetails(model.name, number)}
        >
          {number}
        </button>{' '}
        {version.aliases.map(alias => (
          <Tag key={alias} kind={alias}>
            {alias}
          </Tag>
        ))}
      </td>
      <td>
        {version.verdict ? (
          <Tag kind={version.verdict.replace(' ', '-')}>{version.verdict}</Tag>
        ) : (
          trans.__('not run')
        )}
      </td>
      {props.metrics.map(name => (
        <td key={name} className="gm-number">
          {valueText(version.metrics[name])}
        </td>
      ))}
      <td>
        <span className="gm-group">
          <Button
            disabled={models.busy}
            label={trans.__('Run gates on version %1', number)}
            onClick={() => execute('gristmill:gate', args)}
          >
            {trans.__('Run gates')}
          </Button>
          {version.approvals && model.champion !== number ? (
            <Button
              disabled={models.busy || requestObstacle(view, model, version) !== null}
              label={trans.__('Request a decision on version %1', number)}
              onClick={() => execute('gristmill:request', args)}
            >
              {trans.__('Request')}
            </Button>
          ) : null}
          <Button
            disabled={models.busy || promote !== null}
            title={promote ? obstacleText(promote, trans) : undefined}
            label={trans.__('Promote version %1', number)}
            onClick={() => execute('gristmill:promote', args)}
          >
            {trans.__('Promote')}
          </Button>
        </span>
      </td>
      <td>
        <Time at={version.created} />{' '}
        <span className="gm-doc gm-who" title={version.author}>
          {version.author}
        </span>
      </td>
      <td>
        <code>{version.commit.slice(0, 8)}</code>
        {version.dirty ? <span title={trans.__('with uncommitted changes')}>+</span> : null}
      </td>
      <td>{version.approvals}</td>
    </tr>
  );
}

function obstacleText(obstacle: Obstacle, trans: TranslationBundle): string {
  return {
    champion: trans.__('It is the champion already'),
    role: trans.__('Your role does not allow this'),
    gates: trans.__('Its gates must pass first'),
    'nothing-before': trans.__('There is no earlier champion to go back to'),
    undeclared: trans.__('gristmill.toml does not declare this model')
  }[obstacle];
}

/** Metrics that gates evaluate come first. */
function metricNames(model: ModelView): string[] {
  const known = new Set(model.versions.flatMap(({ metrics }) => Object.keys(metrics)));
  const names = new Set([...model.judged.filter(name => known.has(name)), ...known]);
  return [...names].filter(name => !name.includes('.') && !name.includes('/')).slice(0, 4);
}

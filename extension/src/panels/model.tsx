import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import { word, type Api } from '../api';
import type { Done, ModelsView, ModelView, PageView, RunsView } from '../schema';
import { Button, useLoaded } from './controls';
import { Problem } from './frame';
import type { ShowPage } from './page';
import { Reason } from './reason';
import { Details, Row } from './version';

export interface IPart {
  api: Api;
  trans: TranslationBundle;
  view: ModelsView;
  /** Do a verb, say what it did, read everything again. */
  act: (verb: () => Promise<Done>) => void;
  busy: boolean;
  /** Changes when a run has ended. */
  ended: string;
  open: ShowPage;
  notebook: (source: string) => void;
}

export function Model(props: IPart & { model: ModelView }): JSX.Element {
  const { model, trans, api, view, act, busy, open, notebook } = props;
  const [chosen, setChosen] = useState<number[]>([]);
  const [shown, setShown] = useState<number | null>(null);
  const [asked, setAsked] = useState<{
    verb: 'promote' | 'rollback' | 'request';
    version: number;
  } | null>(null);
  const path = `models/${word(model.name)}`;
  const metrics = metricNames(model);
  const choose = (version: number): void =>
    setChosen(old =>
      old.includes(version) ? old.filter(one => one !== version) : [...old, version]
    );
  const compare = (): void =>
    act(async () => {
      const versions = [...chosen].sort((a, b) => a - b).join(',');
      const page = await api.get<PageView>(`${path}/compare`, { versions });
      open(page.title, page.html);
      return { message: '' };
    });
  const go = (reason: string): void => {
    if (!asked) {
      return;
    }
    const { verb, version } = asked;
    setAsked(null);
    if (verb === 'request') {
      act(() => api.post<Done>(`${path}/decision`, { version, decision: 'request', reason }));
    } else if (verb === 'rollback') {
      act(() => api.post<Done>(`${path}/rollback`, { reason }));
    } else {
      const expected = model.champion ?? 0;
      act(() => api.post<Done>(`${path}/promote`, { version, reason, expected }));
    }
  };
  const titles = {
    promote: trans.__('Make version %1 the champion of %2', asked?.version ?? 0, model.name),
    rollback: trans.__(
      'Go back from version %1 to version %2',
      model.champion ?? 0,
      model.back ?? 0
    ),
    request: trans.__('Ask the reviewers about version %1', asked?.version ?? 0)
  };
  const verbs = {
    promote: trans.__('Promote'),
    rollback: trans.__('Roll back'),
    request: trans.__('Ask')
  };
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
        <Button kind="accept" disabled={busy || chosen.length < 2} onClick={compare}>
          {trans.__('Compare')}
        </Button>
        <Button
          disabled={chosen.length < 2}
          title={trans.__('Open the comparison widget in a notebook')}
          onClick={() => notebook(widget(model.name, chosen))}
        >
          {trans.__('Compare in a notebook')}
        </Button>
        <Button
          disabled={busy || model.back === null || !view.may.promote}
          title={model.back === null ? trans.__('There is nothing to go back to') : undefined}
          onClick={() => setAsked({ verb: 'rollback', version: model.back ?? 0 })}
        >
          {trans.__('Roll back')}
        </Button>
      </div>
      {asked ? (
        <Reason
          title={titles[asked.verb]}
          verb={verbs[asked.verb]}
          trans={trans}
          onDone={go}
          onCancel={() => setAsked(null)}
        />
      ) : null}
      {model.versions.length ? (
        <div
          className="gm-wide"
          tabIndex={0}
          role="region"
          aria-label={trans.__('Versions of %1', model.name)}
        >
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
                  <span className="gm-hidden">{trans.__('What to do')}</span>
                </th>
                <th scope="col">{trans.__('made')}</th>
                <th scope="col">{trans.__('commit')}</th>
                <th scope="col">{trans.__('approvals')}</th>
              </tr>
            </thead>
            <tbody>
              {model.versions.map(one => (
                <Row
                  key={one.version}
                  one={one}
                  metrics={metrics}
                  chosen={chosen.includes(one.version)}
                  onChoose={() => choose(one.version)}
                  onShow={() => setShown(shown === one.version ? null : one.version)}
                  shown={shown === one.version}
                  onAsk={verb => setAsked({ verb, version: one.version })}
                  {...props}
                />
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p className="gm-none">
          {trans.__('No version yet: run the pipeline, then register what it made.')}
        </p>
      )}
      {shown === null ? null : (
        <Details key={shown} api={api} trans={trans} model={model.name} version={shown} />
      )}
    </section>
  );
}

function Register(props: IPart & { model: ModelView }): JSX.Element {
  const { model, trans, api, view, act, busy } = props;
  const runs = useLoaded(
    () => api.get<RunsView>('history', { limit: 50, where: 'status = succeeded' }),
    [model.name, props.ended]
  );
  const [run, setRun] = useState('');
  return (
    <span className="gm-group">
      <select
        className="gm-input gm-fit"
        aria-label={trans.__('What to register')}
        value={run}
        onChange={event => setRun(event.target.value)}
      >
        <option value="">{trans.__('what lies here now')}</option>
        {runs.value?.rows.map(row => (
          <option key={row.run} value={row.run}>
            {trans.__('what run %1 made', row.run)}
          </option>
        ))}
      </select>
      <Button
        disabled={busy || !view.may.register || !model.declared}
        onClick={() => act(() => api.post<Done>(`models/${word(model.name)}/register`, { run }))}
      >
        {trans.__('Register')}
      </Button>
    </span>
  );
}

/** What gates judge stands first. */
function metricNames(model: ModelView): string[] {
  const found = new Set(model.versions.flatMap(one => Object.keys(one.metrics)));
  const names = new Set([...model.judged.filter(name => found.has(name)), ...found]);
  return [...names].filter(name => !name.includes('.') && !name.includes('/')).slice(0, 4);
}

function widget(model: string, versions: readonly number[]): string {
  const sorted = [...versions].sort((a, b) => a - b).join(', ');
  return `from gristmill.widgets import CompareModels\n\nCompareModels(${JSON.stringify(model)}, (${sorted}))`;
}

import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import { word, type Api } from '../api';
import type { SweepRequest, SweepSummary, SweepsView } from '../schema';
import { Button, Word, number, useAction } from './controls';
import { Problem } from './frame';

const METHODS = ['grid', 'random', 'optuna'];

/** What to try, over which parameters, for which metric. */
export function SweepForm(props: {
  api: Api;
  trans: TranslationBundle;
  view: SweepsView;
  onStarted: () => void;
}): JSX.Element {
  const { api, trans, view, onStarted } = props;
  const { busy, problem, run } = useAction();
  const [file, setFile] = useState('');
  const [name, setName] = useState(`sweep-${view.sweeps.length + 1}`);
  const [values, setValues] = useState<Record<string, string>>({});
  const [metric, setMetric] = useState(view.metrics[0] ?? '');
  const [maximize, setMaximize] = useState(true);
  const [method, setMethod] = useState('grid');
  const [trials, setTrials] = useState('');
  const parameters = Object.fromEntries(Object.entries(values).filter(([, text]) => text.trim()));
  const wanted: SweepRequest = file
    ? { name: file, parameters: {}, metric: '', maximize, method, trials: 0 }
    : { name, parameters, metric, maximize, method, trials: Number(trials) || 0 };
  const start = (): void =>
    run(async () => {
      await api.post<SweepSummary>('sweeps', wanted);
      onStarted();
    });
  return (
    <form
      className="gm-section gm-form"
      aria-label={trans.__('New sweep')}
      onSubmit={event => {
        event.preventDefault();
        start();
      }}
    >
      {view.files.length ? (
        <label>
          {trans.__('From')}{' '}
          <select
            className="gm-input gm-fit"
            value={file}
            onChange={event => setFile(event.target.value)}
          >
            <option value="">{trans.__('these parameters')}</option>
            {view.files.map(one => (
              <option key={one} value={one}>{`sweeps/${one}.yaml`}</option>
            ))}
          </select>
        </label>
      ) : null}
      {file ? null : (
        <>
          <fieldset>
            <legend>{trans.__('Values to try: 1,2,3 or 10..100 or 0.001..1:log')}</legend>
            {view.parameters.map(one => (
              <label key={one.name} className="gm-row">
                <code>{one.name}</code>
                <input
                  className="gm-input gm-values"
                  placeholder={`${number(one.value)} (${one.type})`}
                  value={values[one.name] ?? ''}
                  onChange={event => setValues({ ...values, [one.name]: event.target.value })}
                />
              </label>
            ))}
          </fieldset>
          <div className="gm-bar">
            <label>
              {trans.__('Metric')}{' '}
              <input
                className="gm-input gm-fit"
                list="gm-metrics"
                required
                value={metric}
                onChange={event => setMetric(event.target.value)}
              />
              <datalist id="gm-metrics">
                {view.metrics.map(one => (
                  <option key={one} value={one} />
                ))}
              </datalist>
            </label>
            <label>
              <input
                type="checkbox"
                checked={maximize}
                onChange={event => setMaximize(event.target.checked)}
              />{' '}
              {trans.__('more is better')}
            </label>
            <label>
              {trans.__('Method')}{' '}
              <select
                className="gm-input gm-fit"
                value={method}
                onChange={event => setMethod(event.target.value)}
              >
                {METHODS.map(one => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            <label>
              {trans.__('Trials')}{' '}
              <input
                className="gm-input gm-short"
                type="number"
                min={1}
                placeholder={method === 'grid' ? trans.__('all') : '20'}
                value={trials}
                onChange={event => setTrials(event.target.value)}
              />
            </label>
            <label>
              {trans.__('Name')}{' '}
              <input
                className="gm-input gm-fit"
                required
                value={name}
                onChange={event => setName(event.target.value)}
              />
            </label>
          </div>
        </>
      )}
      <button className="jp-Button jp-mod-styled jp-mod-accept gm-Button" disabled={busy}>
        {trans.__('Start the sweep')}
      </button>
      {problem ? <Problem record={problem} /> : null}
    </form>
  );
}

/** Sweeps that run, and what others came to. */
export function SweepList(props: {
  api: Api;
  trans: TranslationBundle;
  view: SweepsView | null;
  onChanged: () => void;
}): JSX.Element | null {
  const { api, trans, view, onChanged } = props;
  const { busy, problem, run } = useAction();
  const [said, setSaid] = useState('');
  if (!view?.sweeps.length) {
    return null;
  }
  const apply = (one: SweepSummary): void =>
    run(async () => {
      await api.post(`sweeps/${word(one.name)}/apply`);
      setSaid(trans.__('params.yaml has the best of %1; run the pipeline to use it.', one.name));
      onChanged();
    });
  return (
    <section className="gm-section" aria-label={trans.__('Sweeps')}>
      <h3>{trans.__('Sweeps')}</h3>
      <ul className="gm-list">
        {view.sweeps.map(one => (
          <li key={one.name}>
            <span>
              <b>{one.name}</b>{' '}
              <Word kind={one.alive ? 'running' : one.ended < one.total ? 'stopped' : 'succeeded'}>
                {one.alive
                  ? trans.__('running')
                  : one.ended < one.total
                    ? trans.__('stopped')
                    : trans.__('done')}
              </Word>{' '}
              {one.problem ||
                (one.alive && !one.total
                  ? trans.__('starting…')
                  : trans.__('%1 of %2 trials, %3', one.ended, one.total, one.method || 'grid'))}
              {one.best === null ? null : (
                <span className="gm-doc">
                  {`${one.metric.split(':').pop()} ${number(one.best)}: ${Object.entries(one.params)
                    .map(([key, value]) => `${key} = ${number(value)}`)
                    .join(', ')}`}
                </span>
              )}
            </span>
            {one.best === null || one.alive ? null : (
              <Button disabled={busy} onClick={() => apply(one)}>
                {trans.__('Use the best')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {said ? <p role="status">{said}</p> : null}
      {problem ? <Problem record={problem} /> : null}
    </section>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import type { Execute } from '../commands/command';
import type { SweepsManager } from '../managers/sweeps';
import type { SweepRequest, SweepSummary, SweepsView } from '../schema';
import { Button, Tag, valueText } from './controls';
import { Problem } from './frame';
import { useAction } from './hooks';

const METHODS = ['grid', 'random', 'optuna'];

/** What to try, over which parameters, for which metric. */
export function SweepForm(props: {
  sweeps: SweepsManager;
  trans: TranslationBundle;
  view: SweepsView;
}): JSX.Element {
  const { sweeps, trans, view } = props;
  const [action, run] = useAction();
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
      await sweeps.start(wanted);
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
                  placeholder={`${valueText(one.value)} (${one.type})`}
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
              {trans.__('higher is better')}
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
      <button
        className="jp-Button jp-mod-styled jp-mod-accept gm-Button"
        disabled={action.kind === 'busy'}
      >
        {trans.__('Start the sweep')}
      </button>
      {action.kind === 'error' ? <Problem record={action.error} /> : null}
    </form>
  );
}

/** Sweeps that run, and the results of others. */
export function SweepList(props: {
  sweeps: SweepsManager;
  execute: Execute;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { sweeps, execute, trans } = props;
  const list = sweeps.state.value?.sweeps ?? [];
  if (!list.length) {
    return null;
  }
  return (
    <section className="gm-section" aria-label={trans.__('Sweeps')}>
      <h3>{trans.__('Sweeps')}</h3>
      <ul className="gm-list">
        {list.map(sweep => (
          <li key={sweep.name}>
            <span>
              <b>{sweep.name}</b> <SweepStatus sweep={sweep} trans={trans} />{' '}
              {sweep.problem || trialsText(sweep, trans)}
              {sweep.best === null ? null : <span className="gm-doc">{bestText(sweep)}</span>}
            </span>
            {sweep.best === null || sweep.alive ? null : (
              <Button
                disabled={sweeps.busy}
                onClick={() => execute('gristmill:sweep-apply', { sweep: sweep.name })}
              >
                {trans.__('Use the best')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function SweepStatus(props: { sweep: SweepSummary; trans: TranslationBundle }): JSX.Element {
  const { sweep, trans } = props;
  if (sweep.alive) {
    return <Tag kind="running">{trans.__('running')}</Tag>;
  }
  return sweep.ended < sweep.total ? (
    <Tag kind="stopped">{trans.__('stopped')}</Tag>
  ) : (
    <Tag kind="succeeded">{trans.__('done')}</Tag>
  );
}

function trialsText(sweep: SweepSummary, trans: TranslationBundle): string {
  return sweep.alive && !sweep.total
    ? trans.__('starting…')
    : trans.__('%1 of %2 trials, %3', sweep.ended, sweep.total, sweep.method || 'grid');
}

function bestText(sweep: SweepSummary): string {
  const params = Object.entries(sweep.params).map(([key, value]) => `${key} = ${valueText(value)}`);
  return `${sweep.metric.split(':').pop()} ${valueText(sweep.best)}: ${params.join(', ')}`;
}

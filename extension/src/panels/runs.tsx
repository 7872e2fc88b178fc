import type { TranslationBundle } from '@jupyterlab/translation';
import { useMemo, useState } from 'react';

import {
  columnsOf,
  filtered,
  firstLayout,
  isCondition,
  shown,
  sorted,
  type IColumn,
  type ILayout
} from '../managers/table';
import type { MlflowView, RunRow, RunsView, SweepsView } from '../schema';
import type { IGristmill } from '../tokens';
import { Parallel, Scatter } from './charts';
import { Button, Refresh, loadingText, useAction, useLoaded } from './controls';
import { Diff } from './diff';
import { Empty, Problem } from './frame';
import { useEnded } from './hooks';
import { Columns, RunTable } from './table';
import { SweepForm, SweepList } from './sweep';

const LIMIT = 200;
const EXAMPLE = 'metrics.roc_auc > 0.7 and status = succeeded';
type View = 'table' | 'parallel' | 'scatter';

export function Runs(props: { gristmill: IGristmill; trans: TranslationBundle }): JSX.Element {
  const { gristmill, trans } = props;
  const { api, project } = gristmill;
  const [text, setText] = useState('');
  const [sweep, setSweep] = useState('');
  const [view, setView] = useState<View>('table');
  const [compared, setCompared] = useState<[string, string] | null>(null);
  const [asking, setAsking] = useState(false);
  const [layout, setLayout] = useState<ILayout | null>(null);
  const [sort, setSort] = useState<{ column: IColumn | null; ascending: boolean }>({
    column: null,
    ascending: false
  });
  const [chosen, setChosen] = useState<string[]>([]);
  const [condition, setCondition] = useState('');
  const root = project.view?.root;
  const ended = useEnded(gristmill.pipeline);
  const found = useLoaded(
    () => api.get<RunsView>('history', { where: condition, sweep, limit: LIMIT }),
    [root, condition, sweep, ended]
  );
  const sweeps = useLoaded(() => api.get<SweepsView>('sweeps'), [root, ended]);
  const rows = found.value?.rows ?? [];
  const own = layout ?? firstLayout(rows);
  const columns = useMemo(() => columnsOf(rows, own), [rows, own]);
  const visible = shown(columns, own);
  const words = isCondition(text) ? '' : text;
  const listed = sorted(filtered(rows, visible, words), sort.column, sort.ascending);
  const choose = (run: string): void =>
    setChosen(old =>
      old.includes(run) ? old.filter(one => one !== run) : [...old, run].slice(-2)
    );
  const reload = (): void => {
    found.reload();
    sweeps.reload();
  };
  if (compared) {
    return (
      <Diff
        api={api}
        trans={trans}
        one={compared[0]}
        other={compared[1]}
        onBack={() => setCompared(null)}
      />
    );
  }
  const chart = { rows: listed, columns: visible, chosen, onChoose: choose, trans };
  return (
    <div className="gm-scroll">
      <div className="gm-bar" role="toolbar" aria-label={trans.__('Runs')}>
        <input
          className="gm-input gm-search"
          type="search"
          aria-label={trans.__('Filter runs')}
          placeholder={trans.__('words or a condition')}
          title={trans.__('Words, or a condition such as %1 and Enter', EXAMPLE)}
          value={text}
          onChange={event => {
            setText(event.target.value);
            if (!isCondition(event.target.value)) {
              setCondition('');
            }
          }}
          onKeyDown={event => {
            if (event.key === 'Enter' && isCondition(text)) {
              setCondition(text);
            }
          }}
        />
        {sweeps.value?.sweeps.length ? (
          <select
            className="gm-input gm-pick"
            aria-label={trans.__('Runs or trials of a sweep')}
            value={sweep}
            onChange={event => {
              setSweep(event.target.value);
              setLayout(null);
              setChosen([]);
            }}
          >
            <option value="">{trans.__('runs')}</option>
            {sweeps.value.sweeps.map(one => (
              <option key={one.name} value={one.name}>
                {trans.__('sweep %1', one.name)}
              </option>
            ))}
          </select>
        ) : null}
        <Views view={view} onView={setView} trans={trans} />
        <Columns columns={columns} layout={own} onLayout={setLayout} trans={trans} />
        <Button
          kind="accept"
          disabled={chosen.length !== 2}
          title={trans.__('Select two runs')}
          onClick={() => setCompared(inOrder(rows, chosen))}
        >
          {trans.__('Compare')}
        </Button>
        <Button pressed={asking} onClick={() => setAsking(!asking)}>
          {trans.__('New sweep')}
        </Button>
        <Mlflow gristmill={gristmill} trans={trans} />
        <Refresh onClick={reload} disabled={found.loading} trans={trans} />
      </div>
      {asking && sweeps.value ? (
        <SweepForm
          api={api}
          trans={trans}
          view={sweeps.value}
          onStarted={() => {
            setAsking(false);
            reload();
          }}
        />
      ) : null}
      {sweeps.problem && asking ? <Problem record={sweeps.problem} /> : null}
      <SweepList api={api} trans={trans} view={sweeps.value} onChanged={reload} />
      {found.problem ? <Problem record={found.problem} /> : null}
      {!found.value && found.loading ? loadingText(trans) : null}
      {isCondition(text) && text !== condition ? (
        <p className="gm-none" role="status">
          {trans.__('Enter looks for the runs for which this holds.')}
        </p>
      ) : null}
      {found.value && !listed.length ? (
        <Empty title={text ? trans.__('No run fits') : trans.__('No run yet')}>
          <p>
            {text
              ? trans.__('Mend the filter, or clear it. A condition names its kind: %1', EXAMPLE)
              : trans.__(
                  'Run the pipeline: every run is listed here with its parameters and metrics.'
                )}
          </p>
        </Empty>
      ) : null}
      {listed.length && view === 'parallel' ? <Parallel {...chart} /> : null}
      {listed.length && view === 'scatter' ? <Scatter {...chart} /> : null}
      {listed.length ? (
        <RunTable
          rows={listed}
          columns={visible}
          layout={own}
          onLayout={setLayout}
          sort={sort}
          onSort={setSort}
          chosen={chosen}
          onChoose={choose}
          trans={trans}
        />
      ) : null}
      {found.value?.more ? (
        <p className="gm-none">
          {trans.__('The newest %1 are shown; a condition finds others.', LIMIT)}
        </p>
      ) : null}
    </div>
  );
}

function Views(props: {
  view: View;
  onView: (view: View) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { view, onView, trans } = props;
  const names: [View, string][] = [
    ['table', trans.__('Table')],
    ['parallel', trans.__('Parallel')],
    ['scatter', trans.__('Scatter')]
  ];
  return (
    <span className="gm-group" role="group" aria-label={trans.__('View')}>
      {names.map(([name, label]) => (
        <Button key={name} pressed={view === name} onClick={() => onView(name)}>
          {label}
        </Button>
      ))}
    </span>
  );
}

function Mlflow(props: { gristmill: IGristmill; trans: TranslationBundle }): JSX.Element {
  const { gristmill, trans } = props;
  const { busy, problem, run } = useAction();
  const open = (): void =>
    run(async () => {
      const page = window.open('', '_blank');
      try {
        const view = await gristmill.api.post<MlflowView>('mlflow');
        if (page) {
          page.opener = null;
          page.location.href = view.url;
        }
      } catch (error) {
        page?.close();
        throw error;
      }
    });
  return (
    <>
      <Button disabled={busy} onClick={open} title={trans.__('Open MLflow’s own pages')}>
        {busy ? trans.__('Starting MLflow…') : trans.__('MLflow')}
      </Button>
      {problem ? <Problem record={problem} /> : null}
    </>
  );
}

/** The older run first: the newer one is what changed. */
function inOrder(rows: readonly RunRow[], chosen: readonly string[]): [string, string] {
  const started = (run: string): number => rows.find(row => row.run === run)?.started ?? 0;
  const [one, other] = [...chosen].sort((a, b) => started(a) - started(b));
  return [one, other];
}

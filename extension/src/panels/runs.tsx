import type { TranslationBundle } from '@jupyterlab/translation';
import { useMemo, useState } from 'react';

import type { Execute } from '../commands/command';
import { MOST_RUNS, type RunsManager } from '../managers/runs';
import type { SweepsManager } from '../managers/sweeps';
import {
  columnsOf,
  filtered,
  firstLayout,
  isCondition,
  sorted,
  visible,
  type IColumn,
  type ILayout
} from '../managers/table';
import type { RunRow, RunsView } from '../schema';
import { Parallel, Scatter } from './charts';
import { Button, Loaded, Refresh } from './controls';
import { Diff } from './diff';
import { Empty } from './frame';
import { useChanges } from './hooks';
import { SweepForm, SweepList } from './sweep';
import { Columns, RunTable } from './table';

const EXAMPLE = 'metrics.roc_auc > 0.7 and status = succeeded';
type View = 'table' | 'parallel' | 'scatter';

interface IRuns {
  runs: RunsManager;
  sweeps: SweepsManager;
  execute: Execute;
  trans: TranslationBundle;
}

export function Runs(props: IRuns): JSX.Element {
  const { runs, trans } = props;
  useChanges(runs.changed);
  const { comparison } = runs;
  return comparison ? (
    <Diff comparison={comparison} trans={trans} onBack={() => runs.closeComparison()} />
  ) : (
    <History {...props} />
  );
}

/** Past runs, or the trials of a sweep. */
function History({ runs, sweeps, execute, trans }: IRuns): JSX.Element {
  useChanges(sweeps.changed);
  const { where, sweep } = runs.query;
  const [text, setText] = useState(where);
  const [view, setView] = useState<View>('table');
  const [layout, setLayout] = useState<ILayout | null>(null);
  const [sort, setSort] = useState<{ column: IColumn | null; ascending: boolean }>({
    column: null,
    ascending: false
  });
  const [chosen, setChosen] = useState<string[]>([]);
  const { state } = runs;
  const table = useMemo(() => tableOf(state.value, layout), [state.value, layout]);
  const { rows, columns, shown } = table;
  const listed = sorted(
    filtered(rows, shown, isCondition(text) ? '' : text),
    sort.column,
    sort.ascending
  );
  const choose = (run: string): void =>
    setChosen(before =>
      before.includes(run) ? before.filter(one => one !== run) : [...before, run].slice(-2)
    );
  const filter = (typed: string): void => {
    setText(typed);
    if (!isCondition(typed)) {
      void runs.find({ where: '', sweep });
    }
  };
  const pickSweep = (name: string): void => {
    setLayout(null);
    setChosen([]);
    void runs.find({ where, sweep: name });
  };
  const compare = (): void => {
    const [one, other] = inOrder(rows, chosen);
    execute('gristmill:diff', { one, other });
  };
  const refresh = (): void => {
    void runs.refresh();
    void sweeps.refresh();
  };
  const chart = { rows: listed, columns: shown, chosen, onChoose: choose, trans };
  const known = sweeps.state.value?.sweeps ?? [];
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
          onChange={event => filter(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Enter' && isCondition(text)) {
              void runs.find({ where: text, sweep });
            }
          }}
        />
        {known.length ? (
          <select
            className="gm-input gm-pick"
            aria-label={trans.__('Runs or trials of a sweep')}
            value={sweep}
            onChange={event => pickSweep(event.target.value)}
          >
            <option value="">{trans.__('runs')}</option>
            {known.map(({ name }) => (
              <option key={name} value={name}>
                {trans.__('sweep %1', name)}
              </option>
            ))}
          </select>
        ) : null}
        <Views view={view} onView={setView} trans={trans} />
        <Columns columns={columns} layout={table.layout} onLayout={setLayout} trans={trans} />
        <Button
          kind="accept"
          disabled={chosen.length !== 2}
          title={trans.__('Select two runs')}
          onClick={compare}
        >
          {trans.__('Compare')}
        </Button>
        <Button pressed={sweeps.drafting} onClick={() => sweeps.draft(!sweeps.drafting)}>
          {trans.__('New sweep')}
        </Button>
        <Button
          disabled={runs.busy}
          onClick={() => execute('gristmill:mlflow')}
          title={trans.__('Open MLflow’s own pages')}
        >
          {runs.busy ? trans.__('Starting MLflow…') : trans.__('MLflow')}
        </Button>
        <Refresh onClick={refresh} disabled={state.kind === 'loading'} trans={trans} />
      </div>
      {sweeps.drafting ? (
        <Loaded state={sweeps.state} trans={trans}>
          {value => <SweepForm sweeps={sweeps} trans={trans} view={value} />}
        </Loaded>
      ) : null}
      <SweepList sweeps={sweeps} execute={execute} trans={trans} />
      {isCondition(text) && text !== where ? (
        <p className="gm-none" role="status">
          {trans.__('Press Enter to find the runs that satisfy this condition.')}
        </p>
      ) : null}
      <Loaded state={state} trans={trans}>
        {value => (
          <>
            {listed.length ? null : <NoRuns filtered={text !== ''} trans={trans} />}
            {listed.length && view === 'parallel' ? <Parallel {...chart} /> : null}
            {listed.length && view === 'scatter' ? <Scatter {...chart} /> : null}
            {listed.length ? (
              <RunTable
                rows={listed}
                columns={shown}
                layout={table.layout}
                onLayout={setLayout}
                sort={sort}
                onSort={setSort}
                chosen={chosen}
                onChoose={choose}
                trans={trans}
              />
            ) : null}
            {value.more ? (
              <p className="gm-none">
                {trans.__('These are the newest %1 runs. A condition finds others.', MOST_RUNS)}
              </p>
            ) : null}
          </>
        )}
      </Loaded>
    </div>
  );
}

function NoRuns(props: { filtered: boolean; trans: TranslationBundle }): JSX.Element {
  const { trans } = props;
  return props.filtered ? (
    <Empty title={trans.__('No matching runs')}>
      <p>{trans.__('Change or clear the filter. A condition looks like this: %1', EXAMPLE)}</p>
    </Empty>
  ) : (
    <Empty title={trans.__('No runs yet')}>
      <p>
        {trans.__('Run the pipeline: every run is listed here with its parameters and metrics.')}
      </p>
    </Empty>
  );
}

interface ITable {
  rows: readonly RunRow[];
  layout: ILayout;
  columns: IColumn[];
  shown: IColumn[];
}

function tableOf(view: RunsView | null, chosen: ILayout | null): ITable {
  const rows = view?.rows ?? [];
  const layout = chosen ?? firstLayout(rows);
  const columns = columnsOf(rows, layout);
  return { rows, layout, columns, shown: visible(columns, layout) };
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

/** The older run first: the newer one is what changed. */
function inOrder(rows: readonly RunRow[], chosen: readonly string[]): [string, string] {
  const started = (run: string): number => rows.find(row => row.run === run)?.started ?? 0;
  const [one, other] = [...chosen].sort((a, b) => started(a) - started(b));
  return [one, other];
}

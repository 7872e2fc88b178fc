import type { TranslationBundle } from '@jupyterlab/translation';

import { valueOf, type IColumn, type ILayout } from '../managers/table';
import type { RunRow } from '../schema';
import { Tag, Time, valueText } from './controls';

export function Columns(props: {
  columns: readonly IColumn[];
  layout: ILayout;
  onLayout: (layout: ILayout) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { columns, layout, onLayout, trans } = props;
  return (
    <details className="gm-menu">
      <summary className="jp-Button jp-mod-styled gm-Button">
        {trans.__('Columns')} {columns.length - layout.hidden.length}/{columns.length}
      </summary>
      <ul role="group" aria-label={trans.__('Columns')}>
        {columns.map(one => (
          <li key={one.key}>
            <label>
              <input
                type="checkbox"
                checked={!layout.hidden.includes(one.key)}
                onChange={() => onLayout({ ...layout, hidden: toggled(layout.hidden, one.key) })}
              />
              {one.key}
            </label>
          </li>
        ))}
      </ul>
    </details>
  );
}

interface ISort {
  column: IColumn | null;
  ascending: boolean;
}

export function RunTable(props: {
  rows: readonly RunRow[];
  columns: readonly IColumn[];
  layout: ILayout;
  onLayout: (layout: ILayout) => void;
  sort: ISort;
  onSort: (sort: ISort) => void;
  chosen: readonly string[];
  onChoose: (run: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { rows, columns, layout, onLayout, sort, onSort, chosen, onChoose, trans } = props;
  const run: IColumn = { key: 'run', kind: 'run', name: trans.__('run') };
  const head = (column: IColumn): JSX.Element => {
    const on = sort.column?.key === column.key;
    const pinned = layout.pinned.includes(column.key);
    const order = on ? (sort.ascending ? 'ascending' : 'descending') : 'none';
    return (
      <th key={column.key} scope="col" aria-sort={order} className={`gm-kind-${column.kind}`}>
        <span className="gm-head">
          <button
            className="gm-sort"
            title={column.key}
            onClick={() => onSort({ column, ascending: on && !sort.ascending })}
          >
            {column.name}
            <span aria-hidden="true">{on ? (sort.ascending ? ' ▲' : ' ▼') : ''}</span>
          </button>
          {column.kind === 'run' ? null : (
            <>
              <button
                className="gm-icon"
                aria-pressed={pinned}
                aria-label={trans.__('Pin %1', column.key)}
                title={pinned ? trans.__('Unpin') : trans.__('Pin: stand first')}
                onClick={() => onLayout({ ...layout, pinned: toggled(layout.pinned, column.key) })}
              >
                {pinned ? '◆' : '◇'}
              </button>
              <button
                className="gm-icon"
                aria-label={trans.__('Hide %1', column.key)}
                title={trans.__('Hide')}
                onClick={() => onLayout({ ...layout, hidden: toggled(layout.hidden, column.key) })}
              >
                ×
              </button>
            </>
          )}
        </span>
      </th>
    );
  };
  return (
    <div className="gm-wide" tabIndex={0} role="region" aria-label={trans.__('Table of runs')}>
      <table className="gm-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="gm-hidden">{trans.__('Selected')}</span>
            </th>
            {head(run)}
            <th scope="col">{trans.__('status')}</th>
            <th scope="col">{trans.__('started')}</th>
            {columns.map(head)}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={row.run} aria-selected={chosen.includes(row.run)}>
              <td>
                <input
                  type="checkbox"
                  aria-label={trans.__('Select %1', row.run)}
                  checked={chosen.includes(row.run)}
                  onChange={() => onChoose(row.run)}
                />
              </td>
              <td className="gm-run">{row.run}</td>
              <td>
                <Tag kind={row.status}>{row.status}</Tag>
              </td>
              <td>
                <Time at={row.started} />
              </td>
              {columns.map(column => (
                <td
                  key={column.key}
                  className={column.kind === 'metrics' ? 'gm-number' : ''}
                  title={String(valueOf(row, column) ?? '')}
                >
                  {valueText(valueOf(row, column))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function toggled(list: readonly string[], key: string): string[] {
  return list.includes(key) ? list.filter(one => one !== key) : [...list, key];
}

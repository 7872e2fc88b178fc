import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import { differs, scaleOf, valueOf, type IColumn } from '../managers/table';
import type { RunRow } from '../schema';
import { valueText } from './controls';

const HEIGHT = 260;
const MARGIN = { top: 34, bottom: 34, left: 72, right: 72 };
const STEP = 132;

interface IChart {
  rows: readonly RunRow[];
  columns: readonly IColumn[];
  chosen: readonly string[];
  onChoose: (run: string) => void;
  trans: TranslationBundle;
}

/** Every run a line over an axis for each column. */
export function Parallel(props: IChart): JSX.Element {
  const { rows, chosen, onChoose, trans } = props;
  const columns = props.columns.filter(one => differs(rows, one));
  if (columns.length < 2) {
    return (
      <p className="gm-none">
        {trans.__('Fewer than two columns differ between these runs, so there is nothing to draw.')}
      </p>
    );
  }
  const scales = columns.map(column => scaleOf(rows.map(row => valueOf(row, column))));
  const width = MARGIN.left + MARGIN.right + STEP * (columns.length - 1);
  const inner = HEIGHT - MARGIN.top - MARGIN.bottom;
  const x = (index: number): number => MARGIN.left + index * STEP;
  const y = (at: number): number => MARGIN.top + inner * (1 - at);
  return (
    <div
      className="gm-wide"
      tabIndex={0}
      role="region"
      aria-label={trans.__('Parallel coordinates')}
    >
      <svg
        className="gm-Chart"
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={trans.__('%1 runs over %2 columns', rows.length, columns.length)}
      >
        {rows.map(row => {
          const points = columns
            .map((column, index) => ({ at: scales[index].at(valueOf(row, column)), index }))
            .filter(({ at }) => at !== null)
            .map(({ at, index }) => `${x(index)},${y(at!)}`);
          const on = chosen.includes(row.run) ? 'gm-on' : '';
          return points.length < 2 ? null : (
            <polyline
              key={row.run}
              className={`gm-line ${on}`}
              points={points.join(' ')}
              onClick={() => onChoose(row.run)}
            >
              <title>{row.run}</title>
            </polyline>
          );
        })}
        {columns.map((column, index) => (
          <g key={column.key} className="gm-axis">
            <line x1={x(index)} x2={x(index)} y1={MARGIN.top} y2={HEIGHT - MARGIN.bottom} />
            <text x={x(index)} y={16} textAnchor="middle" className="gm-axis-name">
              {clip(column.name, 20)}
              <title>{column.key}</title>
            </text>
            {scales[index].ticks.map(tick => (
              <text key={tick.text} x={x(index) - 6} y={y(tick.at) + 4} textAnchor="end">
                {clip(tick.text, 9)}
              </text>
            ))}
          </g>
        ))}
      </svg>
    </div>
  );
}

/** Every run a dot between two columns. */
export function Scatter(props: IChart): JSX.Element {
  const { rows, columns, chosen, onChoose, trans } = props;
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const metric = columns.find(one => one.kind === 'metrics') ?? columns[0];
  const param = columns.find(one => one.kind === 'params') ?? columns[1] ?? columns[0];
  const across = columns.find(one => one.key === first) ?? param;
  const up = columns.find(one => one.key === second) ?? metric;
  if (!across || !up) {
    return <p className="gm-none">{trans.__('No column is shown.')}</p>;
  }
  const width = 620;
  const [sx, sy] = [across, up].map(one => scaleOf(rows.map(row => valueOf(row, one))));
  const x = (at: number): number => MARGIN.left + (width - MARGIN.left - MARGIN.right) * at;
  const y = (at: number): number => MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - at);
  return (
    <div>
      <div className="gm-bar">
        <Pick label={trans.__('Across')} value={across.key} columns={columns} onPick={setFirst} />
        <Pick label={trans.__('Up')} value={up.key} columns={columns} onPick={setSecond} />
      </div>
      <div className="gm-wide" tabIndex={0} role="region" aria-label={trans.__('Scatter')}>
        <svg
          className="gm-Chart"
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={trans.__('%1 over %2', up.name, across.name)}
        >
          <g className="gm-axis">
            <line x1={x(0) - 8} x2={x(1) + 8} y1={y(0) + 8} y2={y(0) + 8} />
            <line x1={x(0) - 8} x2={x(0) - 8} y1={y(0) + 8} y2={y(1) - 8} />
            {sx.ticks.map(tick => (
              <text key={tick.text} x={x(tick.at)} y={y(0) + 24} textAnchor="middle">
                {clip(tick.text, 12)}
              </text>
            ))}
            {sy.ticks.map(tick => (
              <text key={tick.text} x={x(0) - 14} y={y(tick.at) + 4} textAnchor="end">
                {clip(tick.text, 9)}
              </text>
            ))}
          </g>
          {rows.map(row => {
            const [a, b] = [sx.at(valueOf(row, across)), sy.at(valueOf(row, up))];
            return a === null || b === null ? null : (
              <circle
                key={row.run}
                className={`gm-dot ${chosen.includes(row.run) ? 'gm-on' : ''}`}
                cx={x(a)}
                cy={y(b)}
                r={5}
                onClick={() => onChoose(row.run)}
              >
                <title>
                  {`${row.run}\n${across.name} = ${valueText(valueOf(row, across))}\n${up.name} = ${valueText(valueOf(row, up))}`}
                </title>
              </circle>
            );
          })}
        </svg>
      </div>
    </div>
  );
}

function Pick(props: {
  label: string;
  value: string;
  columns: readonly IColumn[];
  onPick: (key: string) => void;
}): JSX.Element {
  return (
    <label>
      {props.label}{' '}
      <select
        className="gm-input gm-fit"
        value={props.value}
        onChange={event => props.onPick(event.target.value)}
      >
        {props.columns.map(one => (
          <option key={one.key} value={one.key}>
            {one.key}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Two tables of numbers as lines over their first column. */
export function Lines(props: {
  columns: readonly string[];
  one: readonly (number | null)[][];
  other: readonly (number | null)[][];
  label: string;
}): JSX.Element {
  const [width, height, pad] = [300, 180, 30];
  const both = [...props.one, ...props.other];
  const sx = scaleOf(both.map(row => row[0]));
  const sy = scaleOf(both.map(row => row[1]));
  const path = (rows: readonly (number | null)[][]): string =>
    rows
      .map(row => [sx.at(row[0]), sy.at(row[1])])
      .filter((at): at is [number, number] => at[0] !== null && at[1] !== null)
      .map(([a, b]) => `${pad + (width - pad - 8) * a},${8 + (height - pad - 8) * (1 - b)}`)
      .join(' ');
  return (
    <svg className="gm-Chart" width={width} height={height} role="img" aria-label={props.label}>
      <g className="gm-axis">
        <line x1={pad} x2={width - 8} y1={height - pad + 8} y2={height - pad + 8} />
        <text x={width / 2} y={height - 4} textAnchor="middle">
          {props.columns[0]}
        </text>
        <text x={4} y={height / 2} transform={`rotate(-90 10 ${height / 2})`}>
          {props.columns[1]}
        </text>
      </g>
      <polyline className="gm-line gm-before" points={path(props.one)} />
      <polyline className="gm-line gm-after" points={path(props.other)} />
    </svg>
  );
}

function clip(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

import type { TranslationBundle } from '@jupyterlab/translation';

import type { IComparison } from '../managers/runs';
import type { CellChange, Change, DiffView, Figure, FigurePair } from '../schema';
import { Lines } from './charts';
import { Button, Loaded, valueText } from './controls';

/** Two runs beside each other: only what differs. */
export function Diff(props: {
  comparison: IComparison;
  trans: TranslationBundle;
  onBack: () => void;
}): JSX.Element {
  const { comparison, trans, onBack } = props;
  const { one, other } = comparison;
  return (
    <div className="gm-scroll">
      <div className="gm-bar">
        <Button onClick={onBack}>{trans.__('All runs')}</Button>
        <h2 className="gm-title">{trans.__('%1 compared with %2', other, one)}</h2>
      </div>
      <Loaded state={comparison.diff} trans={trans}>
        {view => <Differences view={view} heads={[one, other]} trans={trans} />}
      </Loaded>
    </div>
  );
}

function Differences(props: {
  view: DiffView;
  heads: [string, string];
  trans: TranslationBundle;
}): JSX.Element {
  const { heads, trans } = props;
  const { diff, plots } = props.view;
  const tables = [diff.params, diff.metrics, diff.cells, diff.lineage, diff.steps];
  const empty = tables.every(table => !Object.keys(table).length);
  if (empty && !plots.length && !diff.unknown.length) {
    return <p className="gm-none">{trans.__('The two runs are the same.')}</p>;
  }
  const part = { heads, trans };
  return (
    <>
      <Changes title={trans.__('Metrics')} changes={diff.metrics} {...part} delta />
      <Changes title={trans.__('Parameters')} changes={diff.params} {...part} />
      <Changes title={trans.__('Steps')} changes={diff.steps} {...part} />
      <Cells cells={diff.cells} unknown={diff.unknown} trans={trans} />
      <Plots plots={plots} {...part} />
      <Changes title={trans.__('Lineage')} changes={diff.lineage} {...part} />
    </>
  );
}

function Changes(props: {
  title: string;
  changes: Record<string, Change>;
  heads: [string, string];
  trans: TranslationBundle;
  delta?: boolean;
}): JSX.Element | null {
  const { title, changes, heads, trans, delta } = props;
  const names = Object.keys(changes);
  if (!names.length) {
    return null;
  }
  return (
    <section className="gm-section">
      <h3>{title}</h3>
      <div className="gm-wide" tabIndex={0} role="region" aria-label={title}>
        <table className="gm-table">
          <thead>
            <tr>
              <th scope="col">{trans.__('name')}</th>
              <th scope="col">{heads[0]}</th>
              <th scope="col">{heads[1]}</th>
              {delta ? <th scope="col">{trans.__('change')}</th> : null}
            </tr>
          </thead>
          <tbody>
            {names.map(name => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td title={text(changes[name].before)}>{shortText(changes[name].before)}</td>
                <td title={text(changes[name].after)}>{shortText(changes[name].after)}</td>
                {delta ? <td className="gm-number">{signed(changes[name].delta)}</td> : null}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Cells(props: {
  cells: Record<string, CellChange[]>;
  unknown: string[];
  trans: TranslationBundle;
}): JSX.Element | null {
  const { cells, unknown, trans } = props;
  if (!Object.keys(cells).length && !unknown.length) {
    return null;
  }
  return (
    <section className="gm-section">
      <h3>{trans.__('Cells')}</h3>
      {Object.entries(cells).map(([step, changes]) =>
        changes.map((change, index) => (
          <figure key={`${step} ${index}`}>
            <figcaption>{`${step}: ${place(change, trans)}`}</figcaption>
            <pre className="gm-diff" tabIndex={0}>
              {change.lines.map((line, at) => (
                <span key={at} className={KINDS[line[0]] ?? ''}>
                  {line + '\n'}
                </span>
              ))}
            </pre>
          </figure>
        ))
      )}
      {unknown.map(step => (
        <p key={step}>{trans.__('%1: its code differs, but its cells were not kept.', step)}</p>
      ))}
    </section>
  );
}

const KINDS: Record<string, string> = { '+': 'gm-plus', '-': 'gm-minus', '@': 'gm-place' };

function place(change: CellChange, trans: TranslationBundle): string {
  if (change.before === null) {
    return trans.__('code cell %1 was added', (change.after ?? 0) + 1);
  }
  if (change.after === null) {
    return trans.__('code cell %1 was removed', change.before + 1);
  }
  return trans.__('code cell %1', change.after + 1);
}

function Plots(props: {
  plots: FigurePair[];
  heads: [string, string];
  trans: TranslationBundle;
}): JSX.Element | null {
  const { plots, heads, trans } = props;
  if (!plots.length) {
    return null;
  }
  return (
    <section className="gm-section">
      <h3>{trans.__('Plots')}</h3>
      {plots.map(pair => {
        const title = `${pair.step}: ${pair.name}`;
        const table = pair.before?.columns.length || pair.after?.columns.length;
        const columns = pair.after?.columns ?? pair.before?.columns ?? [];
        return (
          <figure key={title} className="gm-pair">
            <figcaption>{title}</figcaption>
            {table ? (
              <>
                <Lines
                  columns={columns}
                  one={pair.before?.rows ?? []}
                  other={pair.after?.rows ?? []}
                  label={title}
                />
                <p className="gm-legend">
                  <span className="gm-before">{heads[0]}</span>{' '}
                  <span className="gm-after">{heads[1]}</span>
                </p>
              </>
            ) : (
              [pair.before, pair.after].map((one, index) => (
                <Image key={index} figure={one} name={heads[index]} trans={trans} />
              ))
            )}
          </figure>
        );
      })}
    </section>
  );
}

/** As an image, so that nothing in it runs. */
function Image(props: {
  figure: Figure | null;
  name: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { figure, name, trans } = props;
  return (
    <div className="gm-image">
      <span>{name}</span>
      {figure ? (
        <img alt={`${figure.name}, ${name}`} src={`data:${figure.mime};base64,${figure.data}`} />
      ) : (
        <p className="gm-none">{trans.__('none')}</p>
      )}
    </div>
  );
}

function text(value: unknown): string {
  return value === null || value === undefined
    ? ''
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}

/** A value for a narrow column: hashes are cut. */
function shortText(value: unknown): string {
  const whole = valueText(value);
  return /^[0-9a-f]{32,}(\.dir)?$/.test(whole) ? whole.slice(0, 10) : whole;
}

function signed(delta: number | null): string {
  return delta === null ? '' : `${delta > 0 ? '+' : ''}${valueText(delta)}`;
}

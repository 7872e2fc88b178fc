import type { TranslationBundle } from '@jupyterlab/translation';

import { word, type Api } from '../api';
import type { Done, ModelView, VersionDetails, VersionView } from '../schema';
import { Button, Time, Word, loadingText, number, useLoaded } from './controls';
import { Problem } from './frame';
import type { IPart } from './model';

/** A version as a line of the table of its model. */
export function Row(
  props: IPart & {
    model: ModelView;
    one: VersionView;
    metrics: readonly string[];
    chosen: boolean;
    shown: boolean;
    onChoose: () => void;
    onShow: () => void;
    onAsk: (verb: 'promote' | 'request') => void;
  }
): JSX.Element {
  const { one, model, trans, view, act, api, busy } = props;
  const champion = model.champion === one.version;
  const gate = (): void =>
    act(() => api.post<Done>(`models/${word(model.name)}/gate`, { version: one.version }));
  return (
    <tr aria-selected={props.chosen}>
      <td>
        <input
          type="checkbox"
          aria-label={trans.__('Select version %1', one.version)}
          checked={props.chosen}
          onChange={props.onChoose}
        />
      </td>
      <td>
        <button
          className="gm-link"
          aria-expanded={props.shown}
          aria-label={trans.__('Details of version %1', one.version)}
          onClick={props.onShow}
        >
          {one.version}
        </button>{' '}
        {one.aliases.map(alias => (
          <Word key={alias} kind={alias}>
            {alias}
          </Word>
        ))}
      </td>
      <td>
        {one.verdict ? (
          <Word kind={one.verdict.replace(' ', '-')}>{one.verdict}</Word>
        ) : (
          trans.__('not judged')
        )}
      </td>
      {props.metrics.map(name => (
        <td key={name} className="gm-number">
          {number(one.metrics[name])}
        </td>
      ))}
      <td>
        <span className="gm-group">
          <Button disabled={busy} label={trans.__('Judge version %1', one.version)} onClick={gate}>
            {trans.__('Judge')}
          </Button>
          {one.approvals && !champion ? (
            <Button
              disabled={busy || !one.verdict || !view.may.register}
              label={trans.__('Ask for a decision on version %1', one.version)}
              onClick={() => props.onAsk('request')}
            >
              {trans.__('Ask')}
            </Button>
          ) : null}
          <Button
            disabled={busy || champion || !view.may.promote || one.verdict !== 'pass'}
            title={reasonNot(one, champion, view.may.promote, trans)}
            label={trans.__('Promote version %1', one.version)}
            onClick={() => props.onAsk('promote')}
          >
            {trans.__('Promote')}
          </Button>
        </span>
      </td>
      <td>
        <Time at={one.created} />{' '}
        <span className="gm-doc gm-who" title={one.author}>
          {one.author}
        </span>
      </td>
      <td>
        <code>{one.commit.slice(0, 8)}</code>
        {one.dirty ? <span title={trans.__('with uncommitted changes')}>+</span> : null}
      </td>
      <td>{one.approvals}</td>
    </tr>
  );
}

export function Details(props: {
  api: Api;
  trans: TranslationBundle;
  model: string;
  version: number;
}): JSX.Element {
  const { api, trans, model, version } = props;
  const found = useLoaded(
    () => api.get<VersionDetails>(`models/${word(model)}/versions/${version}`),
    [model, version]
  );
  const one = found.value;
  if (!one) {
    return found.problem ? <Problem record={found.problem} /> : loadingText(trans);
  }
  return (
    <div
      className="gm-Details"
      role="region"
      aria-label={trans.__('Details of version %1', version)}
    >
      <h3>{trans.__('Version %1', version)}</h3>
      <p className="gm-doc">
        {trans.__('Step %1, digest %2', one.source || '–', one.digest.slice(0, 12))}
        {one.missing.length ? ` · ${trans.__('lineage lacks %1', one.missing.join(', '))}` : ''}
      </p>
      {one.gates.length ? (
        <ul className="gm-list">
          {one.gates.map((gate, index) => (
            <li key={index}>
              <span>
                <Word kind={gate.verdict.replace(' ', '-')}>{gate.verdict}</Word> <b>{gate.kind}</b>{' '}
                {gate.message}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p className="gm-none">{trans.__('Not judged yet.')}</p>
      )}
      {one.approvals ? <p>{one.approvals}</p> : null}
      <ul className="gm-list gm-history">
        {one.history.map(entry => (
          <li key={entry.seq}>
            <span>
              <Time at={entry.at} /> <b>{entry.action}</b> {entry.alias ?? ''} {entry.actor}
              {entry.reason ? <span className="gm-doc">{entry.reason}</span> : null}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function reasonNot(
  one: VersionView,
  champion: boolean,
  may: boolean,
  trans: TranslationBundle
): string | undefined {
  if (champion) {
    return trans.__('It is the champion');
  }
  if (!may) {
    return trans.__('You may not promote');
  }
  return one.verdict === 'pass' ? undefined : trans.__('Its gates must pass first');
}

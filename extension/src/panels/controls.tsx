import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';

import type { Loadable } from '../managers/resource';
import { Problem } from './frame';

const DAY_MS = 86_400_000;

/** A text that counts when Enter is pressed or the field is left; Escape brings the old one back. */
export function Commit(props: {
  value: string;
  label: string;
  className?: string;
  placeholder?: string;
  options?: readonly string[];
  onType?: (text: string) => void;
  onCommit: (text: string) => void;
}): JSX.Element {
  const { value, options } = props;
  const [text, setText] = useState(value);
  const cancelled = useRef(false);
  const list = useId();
  useEffect(() => setText(value), [value]);
  const commit = (): void => {
    if (text !== value && !cancelled.current) {
      props.onCommit(text);
    }
    cancelled.current = false;
  };
  return (
    <>
      <input
        className={`gm-input ${props.className ?? ''}`}
        aria-label={props.label}
        placeholder={props.placeholder}
        title={text}
        value={text}
        list={options ? list : undefined}
        spellCheck={false}
        onChange={event => {
          setText(event.target.value);
          props.onType?.(event.target.value);
        }}
        onBlur={commit}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            event.currentTarget.blur();
          } else if (event.key === 'Escape') {
            cancelled.current = true;
            setText(value);
            event.currentTarget.blur();
          }
        }}
      />
      {options ? (
        <datalist id={list}>
          {options.map(option => (
            <option key={option} value={option} />
          ))}
        </datalist>
      ) : null}
    </>
  );
}

export function Button(props: {
  children: ReactNode;
  onClick: () => void;
  disabled?: boolean;
  title?: string;
  kind?: 'accept' | 'warn' | 'plain';
  pressed?: boolean;
  label?: string;
}): JSX.Element {
  const kind = props.kind && props.kind !== 'plain' ? `jp-mod-${props.kind}` : '';
  return (
    <button
      className={`jp-Button jp-mod-styled gm-Button ${kind}`}
      disabled={props.disabled}
      title={props.title}
      aria-label={props.label}
      aria-pressed={props.pressed}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

export function Refresh(props: {
  onClick: () => void;
  disabled: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const label = props.trans.__('Refresh');
  return (
    <Button onClick={props.onClick} disabled={props.disabled} label={label} title={label}>
      <refreshIcon.react tag="span" width="14px" aria-hidden="true" />
    </Button>
  );
}

/** A word in a coloured frame; the colour says nothing that the word does not. */
export function Tag(props: { kind: string; children: ReactNode }): JSX.Element {
  return <span className={`gm-Tag gm-is-${props.kind}`}>{props.children}</span>;
}

/** A time as the browser's language writes it, with the exact one to hover; days begin in UTC. */
export function Time(props: { at: string | number }): JSX.Element {
  const date = new Date(typeof props.at === 'number' ? props.at * 1000 : props.at);
  const whole = date.getTime() % DAY_MS === 0;
  const short = date.toLocaleString(
    undefined,
    whole ? { dateStyle: 'medium', timeZone: 'UTC' } : { dateStyle: 'medium', timeStyle: 'short' }
  );
  return (
    <time dateTime={date.toISOString()} title={date.toISOString()}>
      {short}
    </time>
  );
}

/** A value as a table shows it. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'string') {
    return value;
  }
  if (typeof value !== 'number' || Number.isInteger(value)) {
    return JSON.stringify(value);
  }
  return Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3
    ? value.toExponential(3)
    : value.toPrecision(4);
}

/** Draws the last known value, and says when there is none yet or the last request failed. */
export function Loaded<T>(props: {
  state: Loadable<T>;
  trans: TranslationBundle;
  children: (value: T) => ReactNode;
}): JSX.Element {
  const { state, trans, children } = props;
  return (
    <>
      {state.kind === 'error' ? <Problem record={state.error} /> : null}
      {state.value !== null ? children(state.value) : null}
      {state.kind === 'loading' && state.value === null ? (
        <p className="gm-Wait" role="status">
          {trans.__('Loading…')}
        </p>
      ) : null}
    </>
  );
}

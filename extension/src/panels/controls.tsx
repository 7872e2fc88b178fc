import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';

import { recordOf } from '../api';
import type { ErrorRecord } from '../schema';

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
  const left = useRef(false);
  const list = useId();
  useEffect(() => setText(value), [value]);
  const commit = (): void => {
    if (text !== value && !left.current) {
      props.onCommit(text);
    }
    left.current = false;
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
            left.current = true;
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

export interface ILoaded<T> {
  value: T | null;
  problem: ErrorRecord | null;
  loading: boolean;
  reload: () => void;
}

/** What `ask` gives, asked again when `keys` change or `reload` is called. Old values stay. */
export function useLoaded<T>(ask: () => Promise<T>, keys: readonly unknown[]): ILoaded<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<ErrorRecord | null>(null);
  const [loading, setLoading] = useState(true);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let current = true;
    setLoading(true);
    ask().then(
      found => {
        if (current) {
          setValue(found);
          setProblem(null);
          setLoading(false);
        }
      },
      (error: unknown) => {
        if (current) {
          setProblem(recordOf(error));
          setLoading(false);
        }
      }
    );
    return () => {
      current = false;
    };
  }, [...keys, turn]);
  return { value, problem, loading, reload: () => setTurn(turn => turn + 1) };
}

/** A verb on its way: one at a time, its error kept until the next. */
export function useAction(): {
  busy: boolean;
  problem: ErrorRecord | null;
  run: (verb: () => Promise<void>) => void;
} {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ErrorRecord | null>(null);
  const run = (verb: () => Promise<void>): void => {
    setBusy(true);
    setProblem(null);
    verb()
      .catch((error: unknown) => setProblem(recordOf(error)))
      .finally(() => setBusy(false));
  };
  return { busy, problem, run };
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
export function Word(props: { kind: string; children: ReactNode }): JSX.Element {
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

export function number(value: unknown): string {
  if (typeof value !== 'number' || Number.isInteger(value)) {
    return typeof value === 'string'
      ? value
      : value === null || value === undefined
        ? '–'
        : String(value);
  }
  return Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3
    ? value.toExponential(3)
    : value.toPrecision(4);
}

export function loadingText(trans: TranslationBundle): JSX.Element {
  return (
    <p className="gm-Wait" role="status">
      {trans.__('Loading…')}
    </p>
  );
}

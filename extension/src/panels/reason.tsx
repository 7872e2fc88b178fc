import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useRef, useState, type ReactNode } from 'react';

import { Button } from './controls';

/** Asks why, and confirms: nothing that the ledger keeps is done by one click. */
export function Reason(props: {
  title: string;
  verb: string;
  trans: TranslationBundle;
  optional?: boolean;
  /** More to say than why. */
  children?: ReactNode;
  onDone: (reason: string) => void;
  onCancel: () => void;
}): JSX.Element {
  const { title, verb, trans, optional, onDone, onCancel } = props;
  const [reason, setReason] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const ready = optional || reason.trim() !== '';
  return (
    <form
      className="gm-Reason"
      role="dialog"
      aria-label={title}
      onSubmit={event => {
        event.preventDefault();
        if (ready) {
          onDone(reason.trim());
        }
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          onCancel();
        }
      }}
    >
      <b>{title}</b>
      {props.children}
      <input
        ref={field}
        className="gm-input"
        aria-label={trans.__('Reason')}
        placeholder={optional ? trans.__('why (optional)') : trans.__('why; the ledger keeps it')}
        value={reason}
        onChange={event => setReason(event.target.value)}
      />
      <span className="gm-group">
        <button className="jp-Button jp-mod-styled jp-mod-accept gm-Button" disabled={!ready}>
          {verb}
        </button>
        <Button onClick={onCancel}>{trans.__('Cancel')}</Button>
      </span>
    </form>
  );
}

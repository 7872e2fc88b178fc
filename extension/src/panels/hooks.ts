import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer, useState } from 'react';

import { errorRecord } from '../errors';
import type { ErrorRecord } from '../schema';

/** Draw again when a signal fires, once for each frame. */
export function useChanges(signal: ISignal<unknown, unknown>): void {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let frame = 0;
    const slot = (): void => {
      frame = frame || requestAnimationFrame(() => ((frame = 0), draw()));
    };
    signal.connect(slot);
    draw();
    return () => {
      signal.disconnect(slot);
      cancelAnimationFrame(frame);
    };
  }, [signal]);
}

/** Seconds since the epoch; moves while `ticking`. */
export function useNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!ticking) {
      return;
    }
    setNow(Date.now() / 1000);
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

export type ActionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'error'; readonly error: ErrorRecord };

/** Something that is done in a form; its error is kept until the next attempt. */
export function useAction(): [ActionState, (verb: () => Promise<void>) => void] {
  const [state, setState] = useState<ActionState>({ kind: 'idle' });
  const run = (verb: () => Promise<void>): void => {
    setState({ kind: 'busy' });
    verb().then(
      () => setState({ kind: 'idle' }),
      (error: unknown) => setState({ kind: 'error', error: errorRecord(error) })
    );
  };
  return [state, run];
}

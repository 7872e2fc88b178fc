import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer, useState } from 'react';

import type { PipelineManager } from '../managers/pipeline';

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

/** Another word whenever a run or a trial has ended: what they say is then to be asked again. */
export function useEnded(pipeline: PipelineManager): string {
  useChanges(pipeline.changed);
  return `${pipeline.last?.name} ${pipeline.turn}`;
}

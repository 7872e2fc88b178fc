import type { TranslationBundle } from '@jupyterlab/translation';

import type { Status, StepStatus } from '../state';

/** Seconds as one reads them: `3.4 s`, `2 min 05 s`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return minutes < 60
    ? `${minutes} min ${rest} s`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

export function statusLabel(status: Status, trans: TranslationBundle): string {
  return {
    fresh: trans.__('fresh'),
    stale: trans.__('stale'),
    queued: trans.__('queued'),
    running: trans.__('running'),
    waiting: trans.__('waiting'),
    failed: trans.__('failed'),
    skipped: trans.__('skipped')
  }[status];
}

/** What follows the label: the reason, or the progress. `now` is seconds since the epoch. */
export function statusDetail(shown: StepStatus, now: number, trans: TranslationBundle): string {
  const { status, reason, step, expected } = shown;
  if (status === 'running' && step !== null) {
    const elapsed = duration(Math.max(0, now - step.at));
    const parts = step.cell ? [trans.__('cell %1 of %2', step.cell, step.cells)] : [];
    parts.push(expected ? trans.__('%1 of about %2', elapsed, duration(expected)) : elapsed);
    return parts.join(' · ');
  }
  if (status === 'fresh') {
    return expected ? trans.__('took %1', duration(expected)) : '';
  }
  return reason.split('\n')[0];
}

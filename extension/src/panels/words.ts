import type { TranslationBundle } from '@jupyterlab/translation';

import type { Shown, Word } from '../state';

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

export function wordOf(word: Word, trans: TranslationBundle): string {
  return {
    fresh: trans.__('fresh'),
    stale: trans.__('stale'),
    waiting: trans.__('waiting'),
    running: trans.__('running'),
    failed: trans.__('failed'),
    skipped: trans.__('skipped')
  }[word];
}

/** What follows the word: why it is so, or how far it is. `now` is seconds since the epoch. */
export function detail(shown: Shown, now: number, trans: TranslationBundle): string {
  const { word, why, step, expected } = shown;
  if (word === 'running' && step !== null) {
    const elapsed = duration(Math.max(0, now - step.at));
    const parts = step.cell ? [trans.__('cell %1 of %2', step.cell, step.cells)] : [];
    parts.push(expected ? trans.__('%1 of about %2', elapsed, duration(expected)) : elapsed);
    return parts.join(' · ');
  }
  if (word === 'fresh') {
    return expected ? trans.__('took %1', duration(expected)) : '';
  }
  return why.split('\n')[0];
}

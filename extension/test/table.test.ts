import { expect, test } from 'vitest';

import {
  columnsOf,
  filtered,
  firstLayout,
  isCondition,
  scaleOf,
  visible,
  sorted,
  type IColumn
} from '../src/managers/table';
import type { RunRow } from '../src/schema';

function row(run: string, params: Record<string, string>, metrics: Record<string, number>): RunRow {
  const rest = { status: 'succeeded', started: 0, seconds: 1, tags: {}, mlflow_run: '' };
  return { run, params, metrics, ...rest };
}

const ROWS = [
  row('a', { 'train.trees': '9', 'train.seed': '1' }, { auc: 0.7, 'train.auc': 0.7 }),
  row('b', { 'train.trees': '40', 'train.seed': '1' }, { auc: 0.9, 'train.auc': 0.9 }),
  row('c', { 'train.trees': 'all', 'train.seed': '1' }, {})
];
const TREES: IColumn = { key: 'params.train.trees', kind: 'params', name: 'train.trees' };

test('what says nothing is hidden first, and what is pinned stands first', () => {
  const layout = firstLayout(ROWS);
  expect(layout.hidden.sort()).toEqual(['metrics.train.auc', 'params.train.seed']);
  const pinned = { ...layout, pinned: ['params.train.trees'] };
  expect(visible(columnsOf(ROWS, pinned), pinned).map(one => one.key)).toEqual([
    'params.train.trees',
    'metrics.auc'
  ]);
});

test('numbers sort by size and before texts, what is missing last both ways', () => {
  const names = (ascending: boolean, column: IColumn): string =>
    sorted(ROWS, column, ascending)
      .map(one => one.run)
      .join('');
  expect([names(true, TREES), names(false, TREES)]).toEqual(['abc', 'cba']);
  const auc: IColumn = { key: 'metrics.auc', kind: 'metrics', name: 'auc' };
  expect([names(true, auc), names(false, auc)]).toEqual(['abc', 'bac']);
});

test('words are looked for in every shown column', () => {
  const find = (text: string): string[] => filtered(ROWS, [TREES], text).map(one => one.run);
  expect(find('trees=40')).toEqual(['b']);
  expect(find('SUCC trees=9')).toEqual(['a']);
  expect(find('0.7')).toEqual([]);
});

test('a condition for the server names its kind, anything else is words', () => {
  for (const text of ['metrics.auc > 0.7', 'status=failed', '`params.a b` like %x%', 'run = r1']) {
    expect(isCondition(text)).toBe(true);
  }
  for (const text of ['trees=40', 'auc > 0.7', 'running', 'metrics.auc', 'status failed']) {
    expect(isCondition(text)).toBe(false);
  }
});

test('a scale places numbers by size and texts by order', () => {
  expect(scaleOf(['10', '20', null]).at('15')).toBe(0.5);
  expect(scaleOf([3, 3]).at(3)).toBe(0.5);
  const words = scaleOf(['b', 'a', '1']);
  expect([words.at('1'), words.at('b'), words.at(null)]).toEqual([0, 1, null]);
});

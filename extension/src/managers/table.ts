import type { RunRow } from '../schema';

const CONDITION =
  /^\s*`?((params|metrics|tags)\.|(status|run|trigger|set|commit|author)\b)[^<>=!]*([<>=!]|\bi?like\b)/i;

/** A column of the table of runs. `key` is what the server sorts by. */
export interface IColumn {
  key: string;
  kind: 'params' | 'metrics' | 'run';
  name: string;
}

export interface ILayout {
  /** Keys of columns that stand first, in this order. */
  pinned: string[];
  hidden: string[];
}

/**
 * The columns that the rows have, pinned ones first. One that is the same everywhere, and a
 * metric named once more with its step, say nothing and come last.
 */
export function columnsOf(rows: readonly RunRow[], layout: ILayout): IColumn[] {
  const columns = [...keysOf(rows, 'metrics'), ...keysOf(rows, 'params')];
  const rank = (column: IColumn): number => {
    const place = layout.pinned.indexOf(column.key);
    return place >= 0 ? place - layout.pinned.length : uninformative(rows, column) ? 1 : 0;
  };
  return columns
    .map((column, index) => ({ column, index, rank: rank(column) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ column }) => column);
}

export function visible(columns: readonly IColumn[], layout: ILayout): IColumn[] {
  return columns.filter(column => !layout.hidden.includes(column.key));
}

/** Hide what says nothing, until the user says otherwise. */
export function firstLayout(rows: readonly RunRow[]): ILayout {
  const columns = columnsOf(rows, { pinned: [], hidden: [] });
  return {
    pinned: [],
    hidden: columns.filter(one => uninformative(rows, one)).map(one => one.key)
  };
}

export function valueOf(row: RunRow, column: IColumn): string | number | null {
  if (column.kind === 'run') {
    return row.run;
  }
  return row[column.kind][column.name] ?? null;
}

/** Numbers by size and before texts, what is missing last, in either direction. */
export function sorted(
  rows: readonly RunRow[],
  column: IColumn | null,
  ascending: boolean
): RunRow[] {
  if (!column) {
    return [...rows];
  }
  const sign = ascending ? 1 : -1;
  return rows
    .map((row, index) => ({ row, index, value: valueOf(row, column) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) {
        return Number(a.value === null) - Number(b.value === null) || a.index - b.index;
      }
      return sign * compare(a.value, b.value) || a.index - b.index;
    })
    .map(({ row }) => row);
}

/** Rows in which every word of `filter` stands somewhere in what is shown. */
export function filtered(
  rows: readonly RunRow[],
  columns: readonly IColumn[],
  filter: string
): RunRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(row => {
    const text = [row.run, row.status, ...columns.map(one => `${one.name}=${valueOf(row, one)}`)]
      .join(' ')
      .toLowerCase();
    return words.every(word => text.includes(word));
  });
}

/** Whether a text is a condition for the server (`metrics.auc > 0.7`) and no words to look for. */
export function isCondition(text: string): boolean {
  return CONDITION.test(text);
}

/** A scale of numbers, or of texts in their order: the place of a value between 0 and 1. */
export interface IScale {
  at: (value: string | number | null) => number | null;
  ticks: { at: number; text: string }[];
}

export function scaleOf(values: readonly (string | number | null)[]): IScale {
  const known = values.filter(value => value !== null);
  const numbers = known.map(asNumber);
  if (known.length && numbers.every(value => value !== null)) {
    const low = Math.min(...numbers);
    const high = Math.max(...numbers);
    const span = high - low || 1;
    const at = (value: string | number | null): number | null => {
      const number = value === null ? null : asNumber(value);
      return number === null ? null : high === low ? 0.5 : (number - low) / span;
    };
    const ticks = high === low ? [low] : [low, low + span / 2, high];
    return { at, ticks: ticks.map(value => ({ at: at(value) ?? 0, text: short(value) })) };
  }
  const texts = [...new Set(known.map(String))].sort();
  const at = (value: string | number | null): number | null =>
    value === null
      ? null
      : texts.length < 2
        ? 0.5
        : texts.indexOf(String(value)) / (texts.length - 1);
  return { at, ticks: texts.map(text => ({ at: at(text) ?? 0, text })) };
}

export function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function keysOf(rows: readonly RunRow[], kind: 'params' | 'metrics'): IColumn[] {
  const names = new Set(rows.flatMap(row => Object.keys(row[kind])));
  return [...names].map(name => ({ key: `${kind}.${name}`, kind, name }));
}

/** Whether two rows have different values in the column. */
export function differs(rows: readonly RunRow[], column: IColumn): boolean {
  const known = rows.map(row => valueOf(row, column)).filter(value => value !== null);
  return new Set(known).size > 1;
}

function uninformative(rows: readonly RunRow[], column: IColumn): boolean {
  if (rows.length > 1 && !differs(rows, column)) {
    return true;
  }
  const bare = column.name.slice(column.name.indexOf('.') + 1);
  const twice = column.kind === 'metrics' && bare !== column.name;
  return twice && rows.every(row => row.metrics[bare] === row.metrics[column.name]);
}

function asNumber(value: string | number): number | null {
  const number = typeof value === 'number' ? value : value.trim() === '' ? NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

function compare(a: string | number, b: string | number): number {
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== null && y !== null) {
    return x - y;
  }
  if (x !== null || y !== null) {
    return x !== null ? -1 : 1;
  }
  return String(a).localeCompare(String(b));
}

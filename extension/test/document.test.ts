import { YNotebook } from '@jupyter/ydoc';
import { expect, test } from 'vitest';

import { applyEdits, documentOf, spliceOf } from '../src/managers/document';
import type { Edit } from '../src/schema';

function edit(
  kind: string,
  cell: number,
  before: string,
  after: string,
  tags: string[] = []
): Edit {
  return { kind, cell, before, after, tags };
}

function notebook(...sources: string[]): YNotebook {
  const made = new YNotebook();
  made.metadata = {};
  made.insertCells(
    0,
    sources.map(source => ({ cell_type: 'code', source, metadata: { z: 1 } }))
  );
  return made;
}

test('a cell is put in and written to in one change, and its neighbours stay', () => {
  const open = notebook('TREES = 2\nuse()', 'rest');
  const edits = [
    edit('source', 0, 'TREES = 2\nuse()', 'use()'),
    edit('insert', 0, '', 'import x', ['parameters']),
    edit('source', 0, 'import x', 'import x\nTREES: int = 2'),
    edit('tag', 2, '', '', ['late'])
  ];
  expect(applyEdits(open, edits)).toBe(true);
  const { cells } = documentOf(open);
  expect(cells).toMatchObject([
    { source: 'import x\nTREES: int = 2', metadata: { tags: ['parameters'] } },
    { source: 'use()', metadata: { tags: [] } },
    { source: 'rest', metadata: { tags: ['late'] } }
  ]);
  expect(open.cells[2].getMetadata('z')).toBe(1);
});

test('nothing changes when one cell is not what was expected', () => {
  const open = notebook('a', 'b');
  const edits = [edit('source', 0, 'a', 'x'), edit('source', 1, 'c', 'y')];
  expect(applyEdits(open, edits)).toBe(false);
  expect(applyEdits(open, [edit('source', 7, '', 'y')])).toBe(false);
  expect(open.cells.map(cell => cell.getSource())).toEqual(['a', 'b']);
});

test('the splice is as small as can be and makes the new text', () => {
  expect(spliceOf('n = 40 # x', 'n = 41 # x')).toEqual([5, 6, '1']);
  for (const [before, after] of [
    ['aaa', 'aa'],
    ['', 'x'],
    ['ab', 'ab'],
    ['abab', 'ababab'],
    ['ä𝄞b', 'ä𝄢b']
  ]) {
    const [start, end, text] = spliceOf(before, after);
    expect(before.slice(0, start) + text + before.slice(end)).toBe(after);
  }
});

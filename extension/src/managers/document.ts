import type { ISharedCell, ISharedCodeCell, ISharedNotebook } from '@jupyter/ydoc';

import type { Edit } from '../schema';

/** A notebook as the server reads it: no outputs. */
export interface IDocument extends Record<string, unknown> {
  cells: object[];
  metadata: object;
}

export function documentOf(notebook: ISharedNotebook): IDocument {
  // a notebook that was just made has none
  const metadata: Partial<typeof notebook.metadata> = notebook.metadata ?? {};
  const { kernelspec, language_info } = metadata;
  return {
    cells: notebook.cells.map(cell => ({
      cell_type: cell.cell_type,
      source: cell.getSource(),
      metadata: { tags: tagsOf(cell.getMetadata()) },
      execution_count: cell.cell_type === 'code' ? (cell as ISharedCodeCell).execution_count : null
    })),
    metadata: { kernelspec, language_info }
  };
}

/** The smallest replacement that makes `before` to `after`: from, to, text. */
export function spliceOf(before: string, after: string): [number, number, string] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) {
    start++;
  }
  let same = 0;
  while (
    same < most - start &&
    before[before.length - 1 - same] === after[after.length - 1 - same]
  ) {
    same++;
  }
  return [start, before.length - same, after.slice(start, after.length - same)];
}

/** A cell as the edits leave it; `was` is null for one that they insert. */
interface IPlanned {
  was: ISharedCell | null;
  before: string;
  source: string;
  tags: string[];
}

/**
 * Apply edits to an open notebook as one change. Returns false, and changes nothing, when a cell is
 * no longer what an edit expects.
 *
 * Inside a transaction a notebook does not list the cells it has just got, so what becomes of each
 * cell is worked out first.
 */
export function applyEdits(notebook: ISharedNotebook, edits: readonly Edit[]): boolean {
  const planned = plan(notebook, edits);
  if (!planned) {
    return false;
  }
  notebook.transact(() => {
    planned.forEach(({ was, before, source, tags }, index) => {
      if (!was) {
        notebook.insertCell(index, { cell_type: 'code', source, metadata: { tags } });
        return;
      }
      if (source !== before) {
        was.updateSource(...spliceOf(before, source));
      }
      if (tags.length !== tagsOf(was.getMetadata()).length) {
        was.setMetadata('tags', tags);
      }
    });
  });
  return true;
}

function plan(notebook: ISharedNotebook, edits: readonly Edit[]): IPlanned[] | null {
  const planned: IPlanned[] = notebook.cells.map(was => {
    const source = was.getSource();
    return { was, before: source, source, tags: tagsOf(was.getMetadata()) };
  });
  for (const edit of edits) {
    if (edit.kind === 'insert' && edit.cell <= planned.length) {
      const made = { was: null, before: '', source: edit.after, tags: [...edit.tags] };
      planned.splice(edit.cell, 0, made);
      continue;
    }
    const cell = planned[edit.cell];
    if (!cell || (edit.kind === 'source' && cell.source !== edit.before)) {
      return null;
    }
    if (edit.kind === 'source') {
      cell.source = edit.after;
    } else {
      cell.tags = [...cell.tags, ...edit.tags.filter(tag => !cell.tags.includes(tag))];
    }
  }
  return planned;
}

export function tagsOf(metadata: unknown): string[] {
  const tags = (metadata as { tags?: unknown } | null)?.tags;
  return Array.isArray(tags) ? tags.filter(tag => typeof tag === 'string') : [];
}

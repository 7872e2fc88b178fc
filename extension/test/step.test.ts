import { YNotebook } from '@jupyter/ydoc';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';
import { expect, test } from 'vitest';

import { StepEditor } from '../src/managers/step';
import { Server, held, settled, until } from './server';

/** A notebook in front, as far as the editor looks at it. */
function panelOf(path: string) {
  const sharedModel = new YNotebook();
  sharedModel.metadata = {};
  sharedModel.insertCell(0, { cell_type: 'code', source: 'x = 1', metadata: {} });
  const content = { model: { sharedModel }, modelContentChanged: new Signal<object, void>({}) };
  return { context: { path, ready: Promise.resolve() }, content };
}

/** `show` brings a notebook to the front; a path of another drive has a colon. */
function editorOf(server: Server) {
  const currentChanged = new Signal<object, unknown>({});
  const tracker = { currentWidget: null, currentChanged } as unknown as INotebookTracker;
  const local = (path: string): string | null => (path.includes(':') ? null : path);
  const editor = new StepEditor(server.api, tracker, local);
  const show = async (panel: object | null): Promise<void> => {
    currentChanged.emit(panel);
    await settled();
  };
  return { editor, show };
}

const form = (step: string): object => ({ step, form: { cell: 0, fields: [] }, findings: [] });

test('the form follows the notebook in front', async () => {
  const server = new Server();
  const { editor, show } = editorOf(server);
  expect(editor.state.kind).toBe('closed');
  server.answer('POST steps/form', form('train'));
  await show(panelOf('train.ipynb'));
  expect(editor.state).toMatchObject({ kind: 'ready', form: { step: 'train' } });
  await show(panelOf('Gristmill:run/train.ipynb'));
  expect(editor.state.kind).toBe('foreign');
  server.refuse('POST steps/form', { code: 'notebook.broken' });
  await show(panelOf('other.ipynb'));
  expect(editor.state).toMatchObject({ kind: 'error', error: { code: 'notebook.broken' } });
  await show(null);
  expect(editor.state.kind).toBe('closed');
});

test('an edit of the notebook is read again, and what is shown stays until then', async () => {
  const server = new Server();
  const { editor, show } = editorOf(server);
  const panel = panelOf('train.ipynb');
  server.answer('POST steps/form', form('train'));
  await show(panel);
  server.answer('POST steps/form', form('train_forest'));
  const kinds: string[] = [];
  editor.changed.connect(() => void kinds.push(editor.state.kind));
  panel.content.modelContentChanged.emit();
  panel.content.modelContentChanged.emit();
  await until(() => kinds.length > 0);
  expect(kinds).toEqual(['ready']);
  expect(editor.state).toMatchObject({ form: { step: 'train_forest' } });
  expect(server.count('POST steps/form')).toBe(2);
});

test('the form of a notebook that is no longer in front does not count', async () => {
  const server = new Server();
  const { editor, show } = editorOf(server);
  const late = held();
  server.answer('POST steps/form', late.answer);
  await show(panelOf('first.ipynb'));
  server.answer('POST steps/form', form('second'));
  await show(panelOf('second.ipynb'));
  await late.give(form('first'));
  expect(editor.state).toMatchObject({ kind: 'ready', form: { step: 'second' } });
});

test('a change is worked out by the server and made in the open document', async () => {
  const server = new Server();
  const { editor, show } = editorOf(server);
  const panel = panelOf('train.ipynb');
  server.answer('POST steps/form', form('train'));
  await show(panel);
  const edit = { kind: 'source', cell: 0, before: 'x = 1', after: 'x: int = 1', tags: [] };
  server.answer('POST steps/edits', { edits: [edit], written: false });
  await editor.change({ do: 'set', name: 'x' });
  expect(panel.content.model.sharedModel.getCell(0).getSource()).toBe('x: int = 1');
  await expect(editor.change({ do: 'set', name: 'x' })).rejects.toMatchObject({
    record: { code: 'step.changed' }
  });
});

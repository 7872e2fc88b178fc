import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';

import type { StepEditor } from '../managers/step';
import type { Finding, Suggestion } from '../schema';
import { Button, Word, useAction } from './controls';
import { asRecord, Fields, type IPart } from './fields';
import { Empty, Problem } from './frame';

/** The notebook in front as a form. */
export class StepPanel extends ReactWidget {
  constructor(
    private readonly editor: StepEditor,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('gm-Panel');
    this.addClass('gm-StepPanel');
    this.node.setAttribute('role', 'region');
  }

  protected render(): JSX.Element {
    const part = { editor: this.editor, trans: this.trans };
    return <UseSignal signal={this.editor.changed}>{() => <Body {...part} />}</UseSignal>;
  }
}

function Body({ editor, trans }: IPart): JSX.Element {
  const { form, problem } = editor;
  if (!editor.panel) {
    return (
      <Empty title={trans.__('No notebook is open')}>
        <p>{trans.__('Open one of the project to see what it reads, writes and takes.')}</p>
      </Empty>
    );
  }
  if (editor.foreign) {
    return (
      <Empty title={trans.__('This notebook is not a source')}>
        <p>{trans.__('It is what a run executed. Open the source of its step to change it.')}</p>
      </Empty>
    );
  }
  if (problem) {
    return <Problem record={problem} />;
  }
  if (!form) {
    return <div role="status" aria-label={trans.__('Loading…')} />;
  }
  return (
    <div className="gm-scroll">
      <h2 className="gm-title">{form.form.cell < 0 ? form.notebook : form.step}</h2>
      {form.form.problem ? <Problem record={asRecord(form.form.problem)} /> : null}
      {form.form.cell < 0 ? (
        <Start editor={editor} trans={trans} />
      ) : (
        <Fields form={form} editor={editor} trans={trans} />
      )}
      <Suggestions found={form.suggestions} editor={editor} trans={trans} />
      <Findings found={form.findings} editor={editor} trans={trans} />
    </div>
  );
}

function Start({ editor, trans }: IPart): JSX.Element {
  const { busy, problem, run } = useAction();
  return (
    <section className="gm-section">
      <p>
        {trans.__(
          'This notebook is no step yet. A step has a cell that says what it reads, writes and takes.'
        )}
      </p>
      <Button
        kind="accept"
        disabled={busy}
        onClick={() => run(() => editor.change({ do: 'init' }))}
      >
        {trans.__('Make it a step')}
      </Button>
      {problem ? <Problem record={problem} /> : null}
    </section>
  );
}

function Suggestions(props: IPart & { found: Suggestion[] }): JSX.Element | null {
  const { found, editor, trans } = props;
  const { busy, problem, run } = useAction();
  if (!found.length) {
    return null;
  }
  return (
    <section className="gm-section" aria-label={trans.__('Suggested')}>
      <h3>{trans.__('Suggested')}</h3>
      {problem ? <Problem record={problem} /> : null}
      <ul className="gm-list">
        {found.map(one => (
          <li key={one.id}>
            <button
              className="gm-link"
              title={trans.__('Show it in cell %1', one.places[0].cell + 1)}
              onClick={() => void editor.show(one.places[0].cell, one.places[0].line)}
            >
              <code>
                {one.name}: {one.annotation} = {one.source}
              </code>
              <span className="gm-doc">{one.reason}</span>
            </button>
            <Button
              disabled={busy}
              label={trans.__('Use %1', one.name)}
              onClick={() => run(() => editor.change({ do: 'apply', suggestion: one.id }))}
            >
              {trans.__('Use')}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Findings(props: IPart & { found: Finding[] }): JSX.Element | null {
  const { found, editor, trans } = props;
  if (!found.length) {
    return null;
  }
  return (
    <section className="gm-section" aria-label={trans.__('Findings')}>
      <h3>{trans.__('Findings')}</h3>
      <ul className="gm-list">
        {found.map((one, index) => (
          <li key={index}>
            <button className="gm-link" onClick={() => void editor.show(one.cell, one.line)}>
              <Word kind={one.severity}>
                {one.severity === 'error' ? trans.__('error') : trans.__('warning')}
              </Word>{' '}
              {one.message}
              <span className="gm-doc">
                {one.cell >= 0 ? trans.__('cell %1, line %2', one.cell + 1, one.line || 1) : ''}{' '}
                <code>{one.code}</code> {one.hint}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

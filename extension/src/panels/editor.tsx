import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';

import type { StepEditor } from '../managers/step';
import type { Finding, StepForm, Suggestion } from '../schema';
import { Button, Tag } from './controls';
import { asRecord, Fields, type IPart } from './fields';
import { Empty, Problem } from './frame';
import { useAction } from './hooks';

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
  const { state } = editor;
  switch (state.kind) {
    case 'closed':
      return (
        <Empty title={trans.__('No notebook is open')}>
          <p>
            {trans.__('Open a notebook of the project to see what it reads, writes and takes.')}
          </p>
        </Empty>
      );
    case 'foreign':
      return (
        <Empty title={trans.__('This notebook is not a source')}>
          <p>{trans.__('A run executed it. To change the step, open its source notebook.')}</p>
        </Empty>
      );
    case 'loading':
      return <div role="status" aria-label={trans.__('Loading…')} />;
    case 'error':
      return <Problem record={state.error} />;
    case 'ready':
      return <Form form={state.form} editor={editor} trans={trans} />;
  }
}

function Form({ form, editor, trans }: IPart & { form: StepForm }): JSX.Element {
  return (
    <div className="gm-scroll">
      <h2 className="gm-title">{form.form.cell < 0 ? form.notebook : form.step}</h2>
      {form.form.problem ? <Problem record={asRecord(form.form.problem)} /> : null}
      {form.form.cell < 0 ? (
        <Start editor={editor} trans={trans} />
      ) : (
        <Fields form={form} editor={editor} trans={trans} />
      )}
      <Suggestions suggestions={form.suggestions} editor={editor} trans={trans} />
      <Findings findings={form.findings} editor={editor} trans={trans} />
    </div>
  );
}

function Start({ editor, trans }: IPart): JSX.Element {
  const [action, run] = useAction();
  return (
    <section className="gm-section">
      <p>
        {trans.__(
          'This notebook is not a step yet. A step has a cell that declares what it reads, writes and takes.'
        )}
      </p>
      <Button
        kind="accept"
        disabled={action.kind === 'busy'}
        onClick={() => run(() => editor.change({ do: 'init' }))}
      >
        {trans.__('Make it a step')}
      </Button>
      {action.kind === 'error' ? <Problem record={action.error} /> : null}
    </section>
  );
}

function Suggestions(props: IPart & { suggestions: Suggestion[] }): JSX.Element | null {
  const { suggestions, editor, trans } = props;
  const [action, run] = useAction();
  if (!suggestions.length) {
    return null;
  }
  return (
    <section className="gm-section" aria-label={trans.__('Suggested')}>
      <h3>{trans.__('Suggested')}</h3>
      {action.kind === 'error' ? <Problem record={action.error} /> : null}
      <ul className="gm-list">
        {suggestions.map(one => (
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
              disabled={action.kind === 'busy'}
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

function Findings(props: IPart & { findings: Finding[] }): JSX.Element | null {
  const { findings, editor, trans } = props;
  if (!findings.length) {
    return null;
  }
  return (
    <section className="gm-section" aria-label={trans.__('Findings')}>
      <h3>{trans.__('Findings')}</h3>
      <ul className="gm-list">
        {findings.map((one, index) => (
          <li key={index}>
            <button className="gm-link" onClick={() => void editor.show(one.cell, one.line)}>
              <Tag kind={one.severity}>
                {one.severity === 'error' ? trans.__('error') : trans.__('warning')}
              </Tag>{' '}
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

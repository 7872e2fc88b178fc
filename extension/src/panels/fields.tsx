import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';

import type { StepEditor } from '../managers/step';
import type { ErrorRecord, Field, StepForm } from '../schema';
import { Commit } from './controls';
import { Problem } from './frame';
import { useAction } from './hooks';

const TYPES = ['int', 'float', 'str', 'bool', 'list[str]', 'Input', 'Output', 'Metrics', 'Plots'];

export interface IPart {
  editor: StepEditor;
  trans: TranslationBundle;
}

/** The parameters cell: paths, then values, then a new one. */
export function Fields({ form, editor, trans }: IPart & { form: StepForm }): JSX.Element {
  const paths = form.form.fields.filter(field => field.kind !== 'value');
  const values = form.form.fields.filter(field => field.kind === 'value');
  const part = { editor, trans };
  return (
    <>
      <section className="gm-section" aria-label={trans.__('Reads and writes')}>
        <h3>{trans.__('Reads and writes')}</h3>
        {paths.length ? null : <p className="gm-none">{trans.__('Nothing yet.')}</p>}
        {paths.map(field => (
          <FieldRow key={field.name} field={field} given={undefined} {...part} />
        ))}
      </section>
      <section className="gm-section" aria-label={trans.__('Parameters')}>
        <h3>{trans.__('Parameters')}</h3>
        {values.length ? null : <p className="gm-none">{trans.__('None yet.')}</p>}
        {values.map(field => (
          <FieldRow key={field.name} field={field} given={form.given[field.name]} {...part} />
        ))}
      </section>
      <Add {...part} />
    </>
  );
}

function FieldRow(props: IPart & { field: Field; given: unknown }): JSX.Element {
  const { field, editor, trans, given } = props;
  const [action, run] = useAction();
  const set = (change: object): void =>
    run(() => editor.change({ do: 'set', name: field.name, ...change }));
  return (
    <div
      className="gm-Field"
      role="group"
      aria-label={field.name}
      aria-busy={action.kind === 'busy'}
    >
      <div className="gm-Field-head">
        <Commit
          className="gm-name"
          label={trans.__('Name of %1', field.name)}
          value={field.name}
          onCommit={text =>
            run(() => editor.change({ do: 'rename', name: field.name, new: text.trim() }))
          }
        />
        <Commit
          className="gm-type"
          label={trans.__('Type of %1', field.name)}
          value={field.annotation}
          placeholder={field.type.kind}
          options={TYPES}
          onCommit={text => set({ annotation: text })}
        />
        <button
          className="gm-icon"
          title={trans.__('Remove %1', field.name)}
          aria-label={trans.__('Remove %1', field.name)}
          onClick={() => run(() => editor.change({ do: 'remove', name: field.name }))}
        >
          ×
        </button>
      </div>
      <Value field={field} editor={editor} trans={trans} set={set} />
      {field.doc ? <p className="gm-doc">{field.doc}</p> : null}
      {given === undefined ? null : (
        <p className="gm-doc gm-given">
          {trans.__('params.yaml sets it to %1', JSON.stringify(given))}
        </p>
      )}
      {action.kind === 'error' ? <Problem record={action.error} /> : null}
      {field.problem && action.kind !== 'error' ? (
        <Problem record={asRecord(field.problem)} />
      ) : null}
    </div>
  );
}

function Value(props: IPart & { field: Field; set: (change: object) => void }): JSX.Element {
  const { field, editor, trans, set } = props;
  const label = trans.__('Default of %1', field.name);
  const [options, setOptions] = useState<string[]>([]);
  if (field.kind !== 'value') {
    const complete = (typed: string): void => {
      void editor
        .complete(typed, field.kind === 'input' ? 'input' : 'output')
        .then(completions => setOptions(completions.map(({ path }) => path)))
        .catch(() => setOptions([]));
    };
    return (
      <Commit
        label={label}
        value={typeof field.default === 'string' ? field.default : field.source}
        options={options}
        onType={complete}
        onCommit={text => set({ text })}
      />
    );
  }
  if (field.fixed && field.type.kind === 'bool') {
    return (
      <label className="gm-check">
        <input
          type="checkbox"
          aria-label={label}
          checked={field.default === true}
          onChange={event => set({ value: event.target.checked })}
        />
        {field.default === true ? trans.__('yes') : trans.__('no')}
      </label>
    );
  }
  if (field.fixed && field.type.kind === 'literal') {
    return (
      <select
        className="gm-input"
        aria-label={label}
        value={field.type.allowed.indexOf(field.default)}
        onChange={event => set({ value: field.type.allowed[Number(event.target.value)] })}
      >
        {field.type.allowed.map((value, index) => (
          <option key={index} value={index}>
            {String(value)}
          </option>
        ))}
      </select>
    );
  }
  const text = typeof field.default === 'string' ? field.default : field.source;
  return <Commit label={label} value={text} onCommit={typed => set({ text: typed })} />;
}

function Add({ editor, trans }: IPart): JSX.Element {
  const [action, run] = useAction();
  const [name, setName] = useState('');
  const [type, setType] = useState('int');
  const [text, setText] = useState('');
  const add = (): void =>
    run(async () => {
      await editor.change({ do: 'add', name: name.trim(), annotation: type, text });
      setName('');
      setText('');
    });
  return (
    <form
      className="gm-section gm-Add"
      aria-label={trans.__('Add a parameter')}
      onSubmit={event => {
        event.preventDefault();
        add();
      }}
    >
      <div className="gm-Field-head">
        <input
          className="gm-input gm-name"
          aria-label={trans.__('Name of the new parameter')}
          placeholder={trans.__('name')}
          value={name}
          onChange={event => setName(event.target.value)}
        />
        <select
          className="gm-input gm-type"
          aria-label={trans.__('Type of the new parameter')}
          value={type}
          onChange={event => setType(event.target.value)}
        >
          {TYPES.map(one => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
      <div className="gm-Field-head">
        <input
          className="gm-input"
          aria-label={trans.__('Default of the new parameter')}
          placeholder={trans.__('default')}
          value={text}
          onChange={event => setText(event.target.value)}
        />
        <button
          className="jp-Button jp-mod-styled gm-Button"
          disabled={action.kind === 'busy' || !name.trim()}
        >
          {trans.__('Add')}
        </button>
      </div>
      {action.kind === 'error' ? <Problem record={action.error} /> : null}
    </form>
  );
}

export function asRecord(problem: Record<string, string>): ErrorRecord {
  return { code: problem.code ?? '', message: problem.message ?? '', hint: problem.hint ?? '' };
}

import type { Dialog } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

export type Values = Readonly<Record<string, string>>;

export interface IOption {
  value: string;
  label: string;
}

/** An argument of a command that a person can be asked for. */
export interface IField {
  name: string;
  label: string;
  required?: boolean;
  /** Shown in a text field that is empty, and where there is nothing to choose from. */
  placeholder?: string;
  /** What may be chosen, given the fields above; any text without. */
  options?: (values: Values) => readonly IOption[];
}

export interface IForm {
  title: string;
  /** What the button says that does it. */
  verb: string;
  fields: readonly IField[];
}

/** The values that arguments have for the fields. */
export function givenValues(form: IForm, args: ReadonlyPartialJSONObject): Values {
  const values: Record<string, string> = {};
  for (const { name } of form.fields) {
    const value = args[name];
    if (typeof value === 'string' || typeof value === 'number') {
      values[name] = String(value);
    }
  }
  return values;
}

type Control = HTMLInputElement | HTMLSelectElement;

/** The fields; those that depend on others follow them. */
export class FormBody extends Widget implements Dialog.IBodyWidget<Values> {
  private readonly controls = new Map<string, Control>();
  private readonly _changed = new Signal<this, void>(this);

  constructor(
    private readonly fields: readonly IField[],
    private readonly given: Values
  ) {
    super();
    this.addClass('gm-Form');
    for (const field of fields) {
      const label = document.createElement('label');
      const control = document.createElement(field.options ? 'select' : 'input');
      label.append(field.label, control);
      control.className = 'gm-input';
      control.required = field.required ?? false;
      if (control instanceof HTMLInputElement) {
        control.placeholder = field.placeholder ?? '';
        control.spellcheck = false;
      }
      control.addEventListener('input', () => this.update());
      this.controls.set(field.name, control);
      this.node.append(label);
    }
    this.update();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  getValue(): Values {
    const values: Record<string, string> = {};
    this.controls.forEach((control, name) => (values[name] = control.value.trim()));
    return values;
  }

  get valid(): boolean {
    const values = this.getValue();
    return this.fields.every(field => !field.required || values[field.name] !== '');
  }

  update(): void {
    for (const field of this.fields) {
      const control = this.controls.get(field.name);
      if (field.options && control instanceof HTMLSelectElement) {
        const options = [...field.options({ ...this.given, ...this.getValue() })];
        if (!options.length) {
          options.push({ value: '', label: field.placeholder ?? '' });
        }
        const chosen = control.value;
        control.replaceChildren(...options.map(({ value, label }) => new Option(label, value)));
        if (options.some(({ value }) => value === chosen)) {
          control.value = chosen;
        }
      }
    }
    this._changed.emit();
  }
}

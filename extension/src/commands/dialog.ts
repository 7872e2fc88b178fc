import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { FormBody, givenValues, type IForm, type Values } from './form';

/** Ask for those fields that `args` does not have. Null when the person gives up. */
export async function complete(
  form: IForm,
  args: ReadonlyPartialJSONObject,
  trans: TranslationBundle
): Promise<Values | null> {
  const given = givenValues(form, args);
  const missing = form.fields.filter(field => !(field.name in given));
  if (!missing.length) {
    return given;
  }
  const body = new FormBody(missing, given);
  const result = await new FormDialog(body, form, trans).launch();
  return result.button.accept ? { ...given, ...result.value } : null;
}

class FormDialog extends Dialog<Values> {
  constructor(
    private readonly body: FormBody,
    form: IForm,
    trans: TranslationBundle
  ) {
    super({
      title: form.title,
      body,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: form.verb })
      ],
      focusNodeSelector: '.gm-Form input, .gm-Form select'
    });
    this.addClass('gm-FormDialog');
    this.node.ariaLabel = form.title;
    body.changed.connect(this.enable, this);
    this.enable();
  }

  /** Nothing is accepted that lacks something. */
  resolve(index?: number): void {
    if (index === 0 || this.body.valid) {
      super.resolve(index);
    }
  }

  private enable(): void {
    const accept = this.node.querySelector<HTMLButtonElement>('.jp-Dialog-button.jp-mod-accept');
    if (accept) {
      accept.disabled = !this.body.valid;
    }
  }
}

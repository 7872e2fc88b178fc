import { expect, test, vi } from 'vitest';

import { FormBody, givenValues, type IField } from '../src/commands/form';

// Lumino looks for it when it is loaded, and jsdom has none
vi.hoisted(() => Object.assign(globalThis, { DragEvent: class extends MouseEvent {} }));

const VERSIONS: Record<string, string[]> = { delay: ['1', '2'], price: ['7'] };
const option = (value: string): { value: string; label: string } => ({ value, label: value });
const FIELDS: IField[] = [
  {
    name: 'model',
    label: 'Model',
    required: true,
    options: () => Object.keys(VERSIONS).map(option)
  },
  {
    name: 'version',
    label: 'Version',
    required: true,
    options: values => (VERSIONS[values['model']] ?? []).map(option)
  },
  { name: 'reason', label: 'Reason', required: true }
];

function type(body: FormBody, label: string, value: string): void {
  const control = [...body.node.querySelectorAll('label')]
    .find(one => one.firstChild?.textContent === label)!
    .querySelector<HTMLInputElement | HTMLSelectElement>('input, select')!;
  control.value = value;
  control.dispatchEvent(new Event('input'));
}

test('what a command is given need not be asked for', () => {
  const form = { title: 'Promote', verb: 'Promote', fields: FIELDS };
  expect(givenValues(form, { model: 'delay', version: 2, here: true })).toEqual({
    model: 'delay',
    version: '2'
  });
  expect(givenValues(form, { reason: '' })).toEqual({ reason: '' });
});

test('what can be chosen follows what was chosen above', () => {
  const body = new FormBody(FIELDS, {});
  type(body, 'Version', '2');
  expect(body.getValue()).toMatchObject({ model: 'delay', version: '2' });
  type(body, 'Model', 'price');
  expect(body.getValue()).toMatchObject({ model: 'price', version: '7' });
});

test('what was given decides too, and nothing is valid without a reason', () => {
  const body = new FormBody(FIELDS.slice(1), { model: 'price' });
  expect(body.getValue().version).toBe('7');
  expect(body.valid).toBe(false);
  type(body, 'Reason', '   ');
  expect(body.valid).toBe(false);
  type(body, 'Reason', ' better ');
  expect(body.valid).toBe(true);
  expect(body.getValue().reason).toBe('better');
});

test('where there is nothing to choose from, it says so and nothing is valid', () => {
  const field = { name: 'model', label: 'Model', required: true, placeholder: 'None' };
  const body = new FormBody([{ ...field, options: () => [] }], {});
  expect(body.node.textContent).toContain('None');
  expect(body.valid).toBe(false);
});

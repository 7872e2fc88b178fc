import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['lib', 'node_modules', 'src/schema.ts'] },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  hooks.configs['recommended-latest'],
  jupyter.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: {
      parserOptions: { project: 'tsconfig.test.json', tsconfigRootDir: import.meta.dirname }
    },
    rules: {
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'] }
      ],
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true }
      ],
      '@typescript-eslint/require-await': 'off', // an interface may want a promise
      '@typescript-eslint/unbound-method': 'off', // connect(this.slot, this) binds it
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'jupyter/prefer-lazy-imports': 'off' // all panels together are one small bundle
    }
  },
  {
    files: ['src/panels/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [{ group: ['**/api', '**/stream'], message: 'Panels draw what managers hold' }]
        }
      ]
    }
  },
  {
    files: ['test/**'],
    rules: {
      'jupyter/no-untranslated-string': 'off',
      'jupyter/require-disposable-ownership': 'off'
    }
  },
  { files: ['**/*.mjs', 'style/**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  { files: ['schema/*.json'], extends: [tseslint.configs.disableTypeChecked] },
  prettier
);

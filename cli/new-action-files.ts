/** What `glider new-action` writes. */

/** `word-count` is `WordCount`. */
export function className(name: string): string {
  return name
    .split('-')
    .map(part => part[0]!.toUpperCase() + part.slice(1))
    .join('')
}

/**
 * By path.
 * @param glider where the package is installed: a project refers to it by path
 */
export function projectFiles(name: string, glider: string): Record<string, string> {
  return {
    'package.json': manifest(name, glider),
    'tsconfig.json': compilerOptions,
    [`src/${name}.ts`]: action(className(name)),
    [`src/${name}.test.ts`]: test(name, className(name)),
    'README.md': readme(name, className(name)),
    '.gitignore': 'node_modules\n.glider-test-*\n',
    '.npmrc': npmSettings,
  }
}

function manifest(name: string, glider: string): string {
  const project = {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    scripts: { test: `glider test src/${name}.test.ts`, deploy: `glider deploy src/${name}.ts` },
    dependencies: { glider: `file:${glider}` },
  }
  return `${JSON.stringify(project, null, 2)}\n`
}

/** npm takes a package that is given by path for one that is being worked on, and would build it anew. */
const npmSettings = `; glider is taken as it is installed, instead of being built again
ignore-scripts=true
`

const compilerOptions = `{
  "compilerOptions": {
    "target": "es2022",
    "lib": ["es2023", "esnext.disposable"],
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noImplicitOverride": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["src"]
}
`

const action = (Class: string): string => `import { Action, type ActionInput, type ActionOutput } from 'glider/action'

/** Counts the words that are written to it. It lives inside the store, until it is deleted. */
export class ${Class} extends Action {
  /** Methods that clients may call by their name. */
  static override calls = ['count']

  #counts = new Map<string, number>()

  /** Runs once for each stream that is written. The writer has finished when this returns. */
  override async onWrite(input: ActionInput) {
    const counts = new Map<string, number>()
    await input.forEachLine(line => {
      for (const word of line.toLowerCase().match(/\\p{L}+/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
    })
    // If the writer dies, the line above throws: only whole streams get here, and count.
    for (const [word, count] of counts) this.#counts.set(word, this.count(word) + count)
  }

  /** Runs once for each stream that is read. Awaiting \`write\` is what keeps memory small, however slow the reader is. */
  override async onRead(output: ActionOutput) {
    for (const [word, count] of this.#counts) await output.write(\`\${word} \${count}\\n\`)
  }

  count(word: string) {
    return this.#counts.get(word) ?? 0
  }
}
`

const test = (name: string, Class: string): string => `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runAction } from 'glider/action/testing'
import { ${Class} } from './${name}.ts'

test('counts the words of all streams', async () => {
  const action = await runAction(${Class})
  await action.write('one two\\n')
  await action.write('Two')
  assert.equal(await action.call('count', 'two'), 2)
  assert.equal(await action.readText(), 'one 1\\ntwo 2\\n')
})
`

const readme = (name: string, Class: string): string => `# ${name}

An action for glider: \`src/${name}.ts\`.

\`\`\`sh
npm install
npm test
\`\`\`

The test needs no cluster. To use the action, start one and leave it running (\`GLIDER_ADDRESS\` says where another one is):

\`\`\`sh
npx glider up
\`\`\`

Then, in another terminal:

\`\`\`sh
npm run deploy
npx glider action create /${name} ${name}/${Class}
echo 'so much to count, so much' | npx glider action write /${name}
npx glider action read /${name}
npx glider action call /${name} count '"much"'
\`\`\`

After a change, deploy again: objects that are there keep their code; \`npx glider action create --replace\` makes a new one in place
of the old.

To have the types checked: \`npm install --save-dev typescript @types/node\`, then \`npx tsc\`.
`

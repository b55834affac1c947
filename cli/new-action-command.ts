import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, InvalidArgumentError } from 'commander'
import { GliderError } from '../client/index.ts'
import { className, projectFiles } from './new-action-files.ts'
import type { Session } from './session.ts'

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const MOST_CHARACTERS = 64
/** What the action's file imports, and the bundle that is built in. */
const TAKEN = new Set(['action', 'action-input', 'action-output', 'std'])

/** `new-action NAME` makes a project with one action. */
export function addNewActionCommand(program: Command, session: Session): void {
  program
    .command('new-action')
    .description('make a folder with an action in TypeScript, its test, and scripts that test and deploy it')
    .argument('<name>', 'of folder, bundle and action: small letters, digits and dashes', projectName)
    .action(async (name: string) => {
      const files = await makeProject(name)
      session.answer({ folder: resolve(name), files }, () => [
        ...files.map(file => `${name}/${file}`),
        `next: cd ${name} && npm install && npm test`,
      ])
    })
}

async function makeProject(name: string): Promise<string[]> {
  try {
    await mkdir(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new GliderError('ALREADY_EXISTS', `there is a ${name} here: choose another name, or go to another folder`)
  }
  const files = projectFiles(name, fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, ''))
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(name, dirname(file)), { recursive: true })
    await writeFile(join(name, file), text)
  }
  return Object.keys(files)
}

function projectName(name: string): string {
  if (!NAME.test(name) || name.length > MOST_CHARACTERS) {
    const rule = `small letters, digits and single dashes, a letter first, at most ${MOST_CHARACTERS} characters`
    throw new InvalidArgumentError(`It needs ${rule}.`)
  }
  // Its class would hide what JavaScript has under that name.
  const owner = TAKEN.has(name) ? 'glider' : className(name) in globalThis ? 'JavaScript' : undefined
  if (owner !== undefined) throw new InvalidArgumentError(`${className(name)} is taken by ${owner} itself: choose another name.`)
  return name
}

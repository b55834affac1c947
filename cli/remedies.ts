import { type Remedy, remedies } from '../client/remedies.ts'

/** What the SDK is asked for by options is asked of the command by flags. */
const byFlag: Record<Remedy, string> = {
  token: 'give the one of your namespace with --token-file or --token, or in GLIDER_TOKEN_FILE or GLIDER_TOKEN',
  parents: 'give -p',
  recursive: 'give -r',
  ifExists: 'delete it first',
  replace: 'give --replace',
  force: 'give --force',
  forceLoss: 'give --force to lose them',
}

/** The message of an error with the remedy that a user of the command has. */
export function inWordsOfCommand(message: string): string {
  for (const [name, words] of Object.entries(remedies) as [Remedy, string][]) {
    if (message.endsWith(words)) return message.slice(0, -words.length) + byFlag[name]
  }
  return message
}

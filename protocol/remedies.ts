/**
 * What can be done about a failure, in the words of the SDK, where the command `glider` has a flag for it: it says that one in their
 * place (cli/remedies.ts). A message ends with its remedy.
 */
export const remedies = {
  token: 'give the one of your namespace',
  parents: 'ask for parents',
  recursive: 'ask for recursive',
  ifExists: 'say ifExists',
  replace: 'ask to replace it',
  force: 'force it out',
  forceLoss: 'use force to lose them',
} as const

export type Remedy = keyof typeof remedies

/** A process that answers what the demo's jobs should have given, while that one stays free to hear Ctrl-C. */
import type { Answers } from './answers.ts'
import { Corpus, loadText } from './corpus.ts'
import { answerIndependently } from './independent.ts'
import { serveRequests } from './serve-requests.ts'
import type { CheckRequest } from './tasks.ts'

serveRequests<CheckRequest>(async ({ text, bytes }): Promise<Answers> => {
  return answerIndependently(new Corpus(await loadText(text, bytes), bytes))
})

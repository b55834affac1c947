import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

/** An SVG document, without a browser. */
export async function draw(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}

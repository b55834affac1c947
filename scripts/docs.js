/**
 * Writes what docs/protocol.md takes from the code, between its markers: the operations of the catalogue with their heads and answers,
 * and the errors. With `--check` it writes nothing, and exits 1 where the committed page says something else. It reads dist/, so build
 * first: `npm run docs` does both.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { startLocalMetadataServer } from '../dist/metadata-server/index.js'
import { catalogue, nodeTypes, objectStates } from '../dist/protocol/catalogue.js'
import { errorTable } from '../dist/protocol/errors.js'

const page = path.join(import.meta.dirname, '..', 'docs', 'protocol.md')

const servers = {
  metadata: 'On the metadata server',
  storage: 'On a storage server',
  active: 'On an active server',
  member: 'On storage and active servers alike',
}

/** What many operations share, shown once. */
const named = [
  { name: 'NodeType', matches: schema => isEnumOf(schema, nodeTypes), text: nodeTypes.map(literal).join(' | ') },
  { name: 'ObjectState', matches: schema => isEnumOf(schema, objectStates), text: objectStates.map(literal).join(' | ') },
  structure('NodeInfo', catalogue.create.answerSchema),
  structure('BundleInfo', catalogue.deploy.answerSchema),
  structure('ClassInfo', catalogue.deploy.answerSchema.properties.classes.items),
  structure('Usage', catalogue.usage.answerSchema),
  structure('NamespaceInfo', catalogue.createNamespace.answerSchema),
  structure('ServerInfo', catalogue.servers.answerSchema.properties.servers.items),
]

/** Every changing operation has these beside its own fields; the page says so once. */
const sequenceFields = new Set(['sequence', 'acknowledged'])

function structure(name, schema) {
  const text = JSON.stringify(schema)
  return { name, matches: other => JSON.stringify(other) === text, text: () => fieldsOf(schema, name) }
}

function isEnumOf(schema, values) {
  return schema.enum?.join() === values.join()
}

function literal(value) {
  return `'${value}'`
}

/** A schema as TypeScript would have it. */
function typeOf(schema, inside) {
  const known = named.find(({ name, matches }) => name !== inside && matches(schema))
  if (known) return known.name
  if (schema.enum) return schema.enum.map(literal).join(' | ')
  if (schema.const !== undefined) return literal(schema.const)
  if (schema.anyOf) return schema.anyOf.map(one => typeOf(one)).join(' | ')
  if (schema.type === 'array' && Array.isArray(schema.items)) return `[${schema.items.map(one => typeOf(one)).join(', ')}]`
  if (schema.type === 'array') return `${typeOf(schema.items)}[]`
  if (schema.patternProperties) return `{ [name]: ${typeOf(Object.values(schema.patternProperties)[0])} }`
  if (schema.type === 'object') return fieldsOf(schema)
  return schema.type ?? 'JSON'
}

function fieldsOf(schema, inside) {
  const fields = Object.entries(schema.properties).filter(([name]) => !sequenceFields.has(name))
  if (fields.length === 0) return '{}'
  const required = new Set(schema.required)
  return `{ ${fields.map(([name, field]) => `${name}${required.has(name) ? '' : '?'}: ${typeOf(field, inside)}`).join(', ')} }`
}

/** The names of the operations that the REST face really has. */
async function restOperations() {
  const server = await startLocalMetadataServer({
    port: 0,
    blockSize: '1MiB',
    storageClasses: ['dram'],
    deadAfter: '5s',
    logLevel: 'silent',
  })
  try {
    const { paths } = await (await fetch(`http://${server.address}/openapi.json`)).json()
    return new Set(Object.keys(paths).map(route => route.slice('/v1/'.length)))
  } finally {
    await server.stop()
  }
}

function operationTables(rest) {
  const all = Object.values(catalogue)
  return Object.entries(servers).map(([role, title]) => {
    const rows = all
      .filter(({ server }) => server === role)
      .map(operation => {
        const { code, name, changes, bytes, summary } = operation
        const marks = [changes && 'changes', bytes !== 'none' && bytes, rest.has(name) && 'REST'].filter(Boolean)
        return `| ${code} | \`${name}\` | ${marks.join(', ')} | ${summary} |`
      })
    return [`**${title}**`, '', '| code | operation | | what it does |', '| ---: | --- | --- | --- |', ...rows].join('\n')
  })
}

function heads() {
  const shared = named.map(({ name, text }) => `${name} = ${typeof text === 'string' ? text : text()}`)
  const blocks = Object.values(catalogue)
    .filter(({ name }) => name !== 'readBlock' && name !== 'writeBlock')
    .map(({ name, headSchema, answerSchema }) => `${name} ${fieldsOf(headSchema)}\n  → ${typeOf(answerSchema)}`)
  return ['```text', ...shared, '', ...blocks, '```'].join('\n')
}

function errors() {
  const rows = Object.entries(errorTable).map(
    ([code, { when, status, retry }]) => `| \`${code}\` | ${when} | ${status} | ${retry} |`,
  )
  return ['| code | when | HTTP | a retry can help |', '| --- | --- | ---: | --- |', ...rows].join('\n')
}

const generated = {
  operations: operationTables(await restOperations()).join('\n\n'),
  heads: heads(),
  errors: errors(),
}

const committed = readFileSync(page, 'utf8')
let text = committed
for (const [name, content] of Object.entries(generated)) {
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/protocol.md has no ${begin} … ${end}`)
  text = `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`
}

if (text !== committed) {
  if (process.argv.includes('--check')) {
    console.error('docs/protocol.md says something else than the code: run npm run docs')
    process.exitCode = 1
  } else writeFileSync(page, text)
}

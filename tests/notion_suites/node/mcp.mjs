// The official MCP server over stdio against the emulator: JSON-RPC by hand, then its tools.
//
// It has no tool that makes a database and none for views: the database comes from the official client.

import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { Client } from "@notionhq/client"
import { check, environment, finish } from "./checks.mjs"

const ROWS = 110
const BASE_URL = environment("NOTION_BASE_URL")
const NOTION_TOKEN = environment("NOTION_TOKEN")
const root = environment("NOTION_ROOT_PAGE")
const TOOLS = [
  "API-create-a-data-source",
  "API-get-self",
  "API-patch-page",
  "API-post-page",
  "API-query-data-source",
  "API-retrieve-a-data-source",
  "API-retrieve-a-database",
  "API-retrieve-a-page",
  "API-update-a-data-source",
]

const server = spawn(process.execPath, ["node_modules/@notionhq/notion-mcp-server/bin/cli.mjs"], {
  env: { PATH: process.env.PATH, BASE_URL, NOTION_TOKEN },
  stdio: ["pipe", "pipe", "ignore"],
})
process.on("exit", () => server.kill())
const waiting = new Map()
createInterface({ input: server.stdout }).on("line", line => {
  const message = JSON.parse(line)
  waiting.get(message.id)?.(message)
  waiting.delete(message.id)
})
server.on("exit", () => waiting.forEach(answer => answer({ error: { message: "the server ended" } })))

let last = 0
function send(message) {
  server.stdin.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n")
}

async function ask(method, params) {
  last += 1
  const id = last
  const answer = new Promise(resolve => waiting.set(id, resolve))
  send({ id, method, params })
  const { result, error } = await answer
  assert.equal(error, undefined)
  return result
}

async function call(name, parameters) {
  const result = await ask("tools/call", { name, arguments: parameters })
  return JSON.parse(result.content[0].text)
}

const text = content => [{ type: "text", text: { content } }]

await check("initialize", async () => {
  const clientInfo = { name: "suite", version: "1" }
  const found = await ask("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo })
  assert.equal(found.serverInfo.name, "Notion API")
  send({ method: "notifications/initialized" })
})

await check("tools/list has the tools for tables, and none for views", async () => {
  const { tools } = await ask("tools/list", {})
  const names = tools.map(tool => tool.name)
  assert.deepEqual(TOOLS.filter(name => !names.includes(name)), [])
  assert.deepEqual(names.filter(name => name.includes("view")), [])
})

await check("API-get-self", async () => {
  assert.equal((await call("API-get-self", {})).type, "bot")
})

const notion = new Client({ auth: NOTION_TOKEN, baseUrl: BASE_URL })
const database = await notion.databases.create({
  parent: { type: "page_id", page_id: root },
  title: text("For MCP"),
  initial_data_source: { properties: { Name: { title: {} } } },
})

const source = await check("API-create-a-data-source", async () => {
  const made = await call("API-create-a-data-source", {
    parent: { type: "database_id", database_id: database.id },
    title: text("Rows"),
    properties: { Name: { title: {} }, Amount: { number: {} } },
  })
  assert.equal(made.object, "data_source")
  return made
})
const data_source_id = source.id

await check("API-update-a-data-source and API-retrieve-a-data-source", async () => {
  await call("API-update-a-data-source", { data_source_id, properties: { Main: { checkbox: {} } } })
  const found = await call("API-retrieve-a-data-source", { data_source_id })
  assert.equal(found.properties.Main.type, "checkbox")
})

await check("API-retrieve-a-database", async () => {
  const found = await call("API-retrieve-a-database", { database_id: database.id })
  assert.ok(found.data_sources.some(one => one.id === data_source_id))
})

const made = await check(`API-post-page makes ${ROWS} rows`, async () => {
  const ids = []
  for (let number = 0; number < ROWS; number += 1) {
    const properties = { Name: { title: text(`Row ${number}`) }, Amount: { number } }
    const page = await call("API-post-page", { parent: { data_source_id }, properties })
    assert.equal(page.object, "page")
    ids.push(page.id)
  }
  return ids
})

await check("API-query-data-source by cursor gives each row once", async () => {
  const first = await call("API-query-data-source", { data_source_id, page_size: 100 })
  assert.equal(first.results.length, 100)
  const start_cursor = first.next_cursor
  const second = await call("API-query-data-source", { data_source_id, page_size: 100, start_cursor })
  assert.equal(second.has_more, false)
  const ids = [...first.results, ...second.results].map(row => row.id)
  assert.deepEqual(ids.sort(), [...made].sort())
})

await check("API-query-data-source filters", async () => {
  const filter = { property: "Amount", number: { greater_than: 105 } }
  const found = await call("API-query-data-source", { data_source_id, filter })
  assert.equal(found.results.length, 4)
})

await check("API-patch-page and API-retrieve-a-page", async () => {
  const page_id = made[0]
  await call("API-patch-page", { page_id, properties: { Amount: { number: 7.5 }, Main: { checkbox: true } } })
  const found = await call("API-retrieve-a-page", { page_id })
  assert.equal(found.properties.Amount.number, 7.5)
  assert.equal(found.properties.Main.checkbox, true)
  const trashed = await call("API-patch-page", { page_id, in_trash: true })
  assert.equal(trashed.in_trash, true)
})

await check("a refusal reaches the caller with its code", async () => {
  const found = await call("API-retrieve-a-page", { page_id: "00000000-0000-4000-8000-000000000000" })
  assert.equal(found.code, "object_not_found")
})

finish()
process.exit()

// The official JavaScript client against the emulator, at the version NOTION_VERSION.

import assert from "node:assert/strict"
import {
  APIErrorCode,
  APIResponseError,
  Client,
  InvalidPathParameterError,
  collectPaginatedAPI,
  isFullBlock,
  isFullComment,
  isFullDataSource,
  isFullDatabase,
  isFullPage,
  isFullView,
  isNotionClientError,
  iterateAllDataSourceRows,
  iteratePaginatedAPI,
} from "@notionhq/client"
import { check, environment, finish } from "./checks.mjs"

const ROWS = 120
const baseUrl = environment("NOTION_BASE_URL")
const notionVersion = environment("NOTION_VERSION")
const root = environment("NOTION_ROOT_PAGE")
const notion = new Client({ auth: environment("NOTION_TOKEN"), baseUrl, notionVersion })
const text = content => [{ type: "text", text: { content } }]
const older = notionVersion < "2026-03-11"

async function refused(promise, code, status) {
  const error = await promise.then(
    () => assert.fail("the request was answered"),
    error => error,
  )
  assert.ok(error instanceof APIResponseError, String(error))
  assert.ok(isNotionClientError(error))
  assert.equal(error.code, code)
  assert.equal(error.status, status)
  return error
}

await check("users.me is the bot", async () => {
  const me = await notion.users.me({})
  assert.equal(me.object, "user")
  assert.equal(me.type, "bot")
  assert.deepEqual((await notion.users.retrieve({ user_id: me.id })).id, me.id)
})

const database = await check("databases.create", async () => {
  const made = await notion.databases.create({
    parent: { type: "page_id", page_id: root },
    title: text("Models"),
    initial_data_source: {
      properties: {
        Name: { title: {} },
        Key: { rich_text: {} },
        Amount: { number: { format: "dollar" } },
        Main: { checkbox: {} },
        Kind: { select: { options: [{ name: "A", color: "red" }, { name: "B" }] } },
        Seen: { date: {} },
      },
    },
  })
  assert.ok(isFullDatabase(made))
  assert.equal(made.title[0].plain_text, "Models")
  assert.equal(made.data_sources.length, 1)
  assert.equal("archived" in made, older)
  return made
})
const database_id = database.id
const data_source_id = database.data_sources[0].id

await check("databases.retrieve", async () => {
  const found = await notion.databases.retrieve({ database_id })
  assert.deepEqual(found.data_sources, database.data_sources)
  assert.equal("properties" in found, false)
})

await check("databases.update", async () => {
  const changed = await notion.databases.update({ database_id, title: text("All models") })
  assert.equal(changed.title[0].plain_text, "All models")
})

await check("dataSources.retrieve", async () => {
  const found = await notion.dataSources.retrieve({ data_source_id })
  assert.ok(isFullDataSource(found))
  assert.equal(found.properties.Amount.number.format, "dollar")
  assert.equal(found.properties.Name.id, "title")
  const options = found.properties.Kind.select.options.map(({ name, color }) => [name, color])
  assert.deepEqual(options, [["A", "red"], ["B", "default"]])
})

await check("dataSources.update adds, renames and removes columns", async () => {
  const before = await notion.dataSources.retrieve({ data_source_id })
  const changed = await notion.dataSources.update({
    data_source_id,
    properties: { Amount: { name: "Price" }, Link: { url: {} }, Seen: null },
  })
  assert.equal(changed.properties.Price.id, before.properties.Amount.id)
  assert.equal(changed.properties.Link.type, "url")
  assert.equal("Seen" in changed.properties, false)
})

await check("dataSources.create puts a second one into the database", async () => {
  const made = await notion.dataSources.create({
    parent: { type: "database_id", database_id },
    title: text("Second"),
    properties: { Name: { title: {} } },
  })
  assert.ok(isFullDataSource(made))
  const found = await notion.databases.retrieve({ database_id })
  assert.deepEqual(found.data_sources.map(one => one.id).sort(), [data_source_id, made.id].sort())
  await notion.dataSources.update({ data_source_id: made.id, in_trash: true })
})

const rows = await check(`pages.create makes ${ROWS} rows`, async () => {
  const made = []
  for (let number = 0; number < ROWS; number += 1) {
    made.push(
      await notion.pages.create({
        parent: { type: "data_source_id", data_source_id },
        properties: {
          Name: { title: text(`Row ${number}`) },
          Key: { rich_text: text(`key-${number}`) },
          Price: { number: number },
          Main: { checkbox: number % 2 === 0 },
          Kind: { select: { name: number % 3 === 0 ? "A" : "B" } },
        },
      }),
    )
  }
  assert.equal(new Set(made.map(row => row.id)).size, ROWS)
  assert.ok(made.every(isFullPage))
  return made
})

await check("dataSources.query gives 100 rows, then the rest", async () => {
  const first = await notion.dataSources.query({ data_source_id })
  assert.equal(first.results.length, 100)
  assert.equal(first.has_more, true)
  const second = await notion.dataSources.query({ data_source_id, start_cursor: first.next_cursor })
  assert.equal(second.results.length, ROWS - 100)
  assert.equal(second.has_more, false)
  assert.equal(second.next_cursor, null)
})

await check("iteratePaginatedAPI gives each row once", async () => {
  const seen = []
  for await (const row of iteratePaginatedAPI(notion.dataSources.query, { data_source_id, page_size: 50 }))
    seen.push(row.id)
  assert.deepEqual([...seen].sort(), rows.map(row => row.id).sort())
})

await check("iterateAllDataSourceRows gives each row once", async () => {
  const seen = []
  for await (const row of iterateAllDataSourceRows(notion, { data_source_id })) seen.push(row.id)
  assert.deepEqual([...seen].sort(), rows.map(row => row.id).sort())
})

await check("dataSources.query filters and sorts", async () => {
  const found = await collectPaginatedAPI(notion.dataSources.query, {
    data_source_id,
    filter: {
      and: [
        { property: "Main", checkbox: { equals: true } },
        { property: "Price", number: { less_than: 10 } },
      ],
    },
    sorts: [{ property: "Price", direction: "descending" }],
  })
  assert.deepEqual(found.map(row => row.properties.Price.number), [8, 6, 4, 2, 0])
})

await check("dataSources.query with filter_properties gives those alone", async () => {
  const found = await notion.dataSources.query({
    data_source_id,
    filter_properties: ["title"],
    filter: { property: "Key", rich_text: { equals: "key-7" } },
  })
  assert.equal(found.results.length, 1)
  assert.deepEqual(Object.keys(found.results[0].properties), ["Name"])
})

const page_id = rows[5].id

await check("pages.update and pages.retrieve", async () => {
  const changed = await notion.pages.update({
    page_id,
    properties: { Price: { number: 8.5 }, Kind: { select: null }, Link: { url: "https://example.com/a" } },
    icon: { type: "emoji", emoji: "\u{1F525}" },
  })
  const found = await notion.pages.retrieve({ page_id })
  delete changed.request_id
  delete found.request_id
  assert.deepEqual(found, changed)
  assert.equal(found.properties.Price.number, 8.5)
  assert.equal(found.properties.Kind.select, null)
  assert.equal(found.properties.Main.checkbox, false)
  assert.equal(found.icon.emoji, "\u{1F525}")
  assert.deepEqual(found.parent, { type: "data_source_id", data_source_id, database_id })
})

await check("pages.properties.retrieve", async () => {
  const title = await notion.pages.properties.retrieve({ page_id, property_id: "title" })
  assert.equal(title.object, "list")
  assert.equal(title.results[0].title.plain_text, "Row 5")
  const { properties } = await notion.pages.retrieve({ page_id })
  const price = await notion.pages.properties.retrieve({ page_id, property_id: properties.Price.id })
  assert.equal(price.number, 8.5)
})

await check("pages in the trash: gone from queries, not editable, restored", async () => {
  const trashed = await notion.pages.update({ page_id, in_trash: true })
  assert.equal(trashed.in_trash, true)
  const filter = { property: "Key", rich_text: { equals: "key-5" } }
  assert.equal((await notion.dataSources.query({ data_source_id, filter })).results.length, 0)
  assert.equal((await notion.pages.retrieve({ page_id })).in_trash, true)
  const edit = notion.pages.update({ page_id, properties: { Price: { number: 1 } } })
  await refused(edit, APIErrorCode.ValidationError, 400)
  await notion.pages.update({ page_id, in_trash: false })
  assert.equal((await notion.dataSources.query({ data_source_id, filter })).results.length, 1)
})

await check("views: create, list, retrieve, update, query, delete", async () => {
  const made = await notion.views.create({
    database_id,
    data_source_id,
    name: "Main",
    type: "table",
    filter: { property: "Main", checkbox: { equals: true } },
    sorts: [{ property: "Name", direction: "ascending" }],
  })
  assert.ok(isFullView(made))
  const listed = await collectPaginatedAPI(notion.views.list, { database_id })
  assert.ok(listed.some(view => view.id === made.id))
  assert.equal((await notion.views.retrieve({ view_id: made.id })).name, "Main")
  assert.equal((await notion.views.update({ view_id: made.id, name: "Chosen" })).name, "Chosen")
  const query = await notion.views.queries.create({ view_id: made.id })
  assert.equal(query.total_count, ROWS / 2)
  const deleted = await notion.views.delete({ view_id: made.id })
  assert.equal(deleted.id, made.id)
  const left = await collectPaginatedAPI(notion.views.list, { database_id })
  assert.equal(left.some(view => view.id === made.id), false)
})

await check("blocks: append after one, list, update, delete", async () => {
  const paragraph = content => ({ type: "paragraph", paragraph: { rich_text: text(content) } })
  const added = await notion.blocks.children.append({
    block_id: page_id,
    children: [paragraph("first"), paragraph("last")],
  })
  const after = added.results[0].id
  const place = older ? { after } : { position: { type: "after_block", after_block: { id: after } } }
  await notion.blocks.children.append({ block_id: page_id, children: [paragraph("middle")], ...place })
  const blocks = await collectPaginatedAPI(notion.blocks.children.list, { block_id: page_id, page_size: 2 })
  assert.ok(blocks.every(isFullBlock))
  const words = blocks.map(block => block.paragraph.rich_text[0].plain_text)
  assert.deepEqual(words, ["first", "middle", "last"])
  const changed = await notion.blocks.update({ block_id: after, paragraph: { rich_text: text("new") } })
  assert.equal(changed.paragraph.rich_text[0].plain_text, "new")
  assert.equal((await notion.blocks.delete({ block_id: after })).in_trash, true)
  assert.equal((await notion.blocks.children.list({ block_id: page_id })).results.length, 2)
})

await check("pages as markdown", async () => {
  const markdown = "# Title\n- [x] done\n- [ ] open"
  const written = await notion.pages.updateMarkdown({
    page_id,
    type: "replace_content",
    replace_content: { new_str: markdown },
  })
  assert.equal(written.markdown, markdown)
  assert.equal((await notion.pages.retrieveMarkdown({ page_id })).markdown, markdown)
})

await check("comments", async () => {
  const made = await notion.comments.create({ parent: { page_id }, rich_text: text("Why?") })
  assert.ok(isFullComment(made))
  const found = await notion.comments.list({ block_id: page_id })
  assert.deepEqual(found.results.map(comment => comment.id), [made.id])
})

await check("file uploads: create, send, retrieve", async () => {
  const upload = await notion.fileUploads.create({ filename: "a.txt", content_type: "text/plain" })
  const file = { filename: "a.txt", data: new Blob(["12345"], { type: "text/plain" }) }
  const sent = await notion.fileUploads.send({ file_upload_id: upload.id, file })
  assert.equal(sent.status, "uploaded")
  assert.equal(sent.content_length, 5)
})

await check("search finds a page by its title", async () => {
  const title = `Findable ${notionVersion}`
  const made = await notion.pages.create({
    parent: { page_id: root },
    properties: { title: { title: text(title) } },
  })
  const found = await notion.search({ query: title, filter: { property: "object", value: "page" } })
  assert.equal(found.results[0].id, made.id)
  assert.ok(found.results[0].url.startsWith("https://app.notion.com/p/"))
})

await check("databases in the trash and back", async () => {
  assert.equal((await notion.databases.update({ database_id, in_trash: true })).in_trash, true)
  assert.equal((await notion.databases.update({ database_id, in_trash: false })).in_trash, false)
})

await check("errors: classes, codes and statuses", async () => {
  const nobody = "00000000-0000-4000-8000-000000000000"
  const missing = await refused(notion.pages.retrieve({ page_id: nobody }), APIErrorCode.ObjectNotFound, 404)
  assert.equal(JSON.parse(missing.body).object, "error")
  const unknown = notion.pages.update({ page_id, properties: { Colour: { number: 1 } } })
  const refusal = await refused(unknown, APIErrorCode.ValidationError, 400)
  assert.equal(refusal.message, "Colour is not a property that exists.")
  const stranger = new Client({ auth: "ntn_of_nobody", baseUrl, notionVersion })
  await refused(stranger.users.me({}), APIErrorCode.Unauthorized, 401)
  await refused(notion.request({ path: "nothing/here", method: "get" }), APIErrorCode.InvalidRequestURL, 400)
  await assert.rejects(notion.pages.retrieve({ page_id: "../users" }), InvalidPathParameterError)
})

finish()

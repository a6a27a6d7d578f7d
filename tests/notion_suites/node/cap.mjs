// The limit on what one query gives: the official client's own way past it must find every row exactly once.

import assert from "node:assert/strict"
import { Client, collectPaginatedAPI, iterateAllDataSourceRows } from "@notionhq/client"
import { check, environment, finish } from "./checks.mjs"

const notion = new Client({ auth: environment("NOTION_TOKEN"), baseUrl: environment("NOTION_BASE_URL") })
const data_source_id = environment("NOTION_DATA_SOURCE")
const rows = Number(environment("NOTION_ROWS"))
const cap = Number(environment("NOTION_CAP"))

await check(`a query ends after ${cap} of ${rows} rows and says that it is incomplete`, async () => {
  const found = await collectPaginatedAPI(notion.dataSources.query, { data_source_id })
  assert.equal(found.length, cap)
  let answer = await notion.dataSources.query({ data_source_id })
  while (answer.has_more)
    answer = await notion.dataSources.query({ data_source_id, start_cursor: answer.next_cursor })
  assert.equal(answer.request_status.type, "incomplete")
  assert.equal(answer.request_status.incomplete_reason, "query_result_limit_reached")
})

await check(`iterateAllDataSourceRows finds all ${rows} rows, window by window`, async () => {
  const titles = []
  for await (const row of iterateAllDataSourceRows(notion, { data_source_id }))
    titles.push(row.properties.Name.title[0].plain_text)
  const made = Array.from({ length: rows }, (_, number) => `Row ${number}`)
  assert.deepEqual(titles.sort(), made.sort())
})

finish()

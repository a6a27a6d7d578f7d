"""The table in Notion: its API, the gate that all requests pass, columns, rows, and a memory."""

"""Where facts come from: one file per adapter; `read` does the I/O, `parse` is pure."""

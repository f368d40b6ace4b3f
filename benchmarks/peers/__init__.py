"""The programs that we are measured beside; each runs in an environment of its own.

A script reads `options.json` in the folder it runs in: `url` of the API, the `list`, its
`columns` (name, type, and path in the record), and whatever the contender adds. It loads
the list into `out.duckdb`: all of it the first time, what changed since then afterwards.
"""

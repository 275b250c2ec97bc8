"""Matches in a browser: one server, tables of one match each, a page without a build step.

Keys in URLs say what their holder may do: the server's token opens tables and names players, a
seat's key plays that seat, a table's watch key looks on. `tables.py` has the tables and keys,
`messages.py` what goes over a connection, `connection.py` one connection, `app.py` the server.
"""

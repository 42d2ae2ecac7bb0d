"""The local API of a running daemon: HTTP and JSON over a Unix socket, and its client.

`wire` and `client` are all that a command needs; they use the standard library alone, so that asking a daemon
costs next to nothing.
"""

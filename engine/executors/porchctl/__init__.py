"""The porchctl executor: what the porch executor does, by the command line of porch."""

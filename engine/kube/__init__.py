"""Kubernetes: intents watched, statuses written, live objects looked up. Its client is used only here.

From below: `errors`, `resources`, `backoff`, `health` and `versions` know nothing of calls; `connection` and
`client` make them; `watching` follows the objects of one kind; `source`, `status`, `happenings`, `inventory`,
`schema` and `rights` are what the rest of the engine uses.
"""

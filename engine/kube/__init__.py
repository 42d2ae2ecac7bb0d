"""Kubernetes: intents watched, statuses written, live objects looked up. Its client is used only here."""

"""The reconciler: it puts store, nlp and rules together, from the source of intents to their status."""

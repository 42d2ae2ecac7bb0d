"""The way of an intent through the daemon: intake → deciding → executing → reporting, each over the store."""

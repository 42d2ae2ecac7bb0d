"""Sources of NetworkIntents: each writes what it sees to the inbox, and nothing else."""

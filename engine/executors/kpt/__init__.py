"""The kpt executor: packages rendered by kpt and kept in git repositories."""

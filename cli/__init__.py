"""The `papers` command."""

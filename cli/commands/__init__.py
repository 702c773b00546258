"""One module a subcommand, each with its `command`; imported when it is asked for."""

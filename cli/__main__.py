"""`python -m cli` is `papers`."""

from cli.main import main

main()

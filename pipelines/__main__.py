"""`python -m pipelines` is the command line too."""

from pipelines.cli import main

main()

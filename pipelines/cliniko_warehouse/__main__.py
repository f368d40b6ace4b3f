"""`python -m cliniko_warehouse` is the command line too."""

from cliniko_warehouse.cli import main

main()

"""`python -m cutover` is `coexist`."""

from cutover.cli import main

main()

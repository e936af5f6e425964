"""`python -m glisson.cli`."""

from glisson.cli.app import main

main()

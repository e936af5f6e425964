"""`python -m glisson`."""

from glisson.cli import main

main()

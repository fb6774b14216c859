"""``python -m nsbill.cli``: the command line with the Python that is named, wherever its script is."""

from nsbill.cli import main

main()

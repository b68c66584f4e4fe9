"""`python -m capture.cli`: the same as `ticktape`."""

from . import main

main()

"""`python -m kizashi`, for machines where no script folder is on the path."""

from kizashi.cli import main

main()

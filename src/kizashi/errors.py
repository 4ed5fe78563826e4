"""Errors that a user can act on. Anything else is a bug and shows its traceback."""


class KizashiError(Exception):
    """What went wrong, where, and the next step, in one line."""


class UsageError(KizashiError):
    """The command was called with something it cannot take; exit status 2."""

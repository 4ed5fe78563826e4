"""The command line: results on stdout, talk on stderr; tables or JSON lines.

Each module here adds its verbs to `console.app`; modules are found by walking. They import the
stages inside the verb, so that `kizashi --help` stays quick.
"""

from __future__ import annotations

import importlib
import io
import pkgutil
import sys

from kizashi.cli.console import app as app
from kizashi.cli.console import talk
from kizashi.errors import KizashiError, UsageError
from kizashi.report.escape import terminal as safe

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def main() -> None:
    """Entry point: exit 0 done, 1 could not, 2 wrong usage, 3 --fail-at was reached."""
    # A console of another encoding (cp932, say) shows what it lacks as an escape and goes on.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except UsageError as error:
        talk.print(f"kizashi: {safe(str(error))}", markup=False)
        sys.exit(2)
    except KizashiError as error:
        talk.print(f"kizashi: {safe(str(error))}", markup=False)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)

"""What tests read off a page."""

from __future__ import annotations

from kizashi.incidents.page import Page, Phrase


def sheet(page: Page, name: str, *columns: str) -> list[tuple[object, ...]]:
    """Columns of one sheet; a phrase stands as its key."""
    (found,) = (s for s in page.sheets if s.name == name)
    places = [found.columns.index(c) for c in columns]
    return [
        tuple(v.key if isinstance(v, Phrase) else v for v in (row[p] for p in places))
        for row in found.rows
    ]

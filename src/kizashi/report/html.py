"""The page: one self-contained HTML file, in Japanese and English, that fetches and runs nothing.

Both languages stand in the page and two radio buttons choose; there is no script at all. Text from
telemetry passes through jinja's escaping after `escape.visible`, and stands in `<bdi>` elements.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kizashi.errors import KizashiError
from kizashi.incidents import HuntResult, Incident, PackHunt, SourceHealth
from kizashi.incidents.page import Cell, Phrase, Sheet
from kizashi.report import actogram, escape, moments, pages, timeline
from kizashi.report import pack as packing
from kizashi.report.attack import tactic_order, technique_name
from kizashi.report.story import story
from kizashi.report.unseen import completeness, unaccounted_rows, unseen
from kizashi.report.wording import LANGUAGES, Wording, chance, lag, span, wording

_TEXT_LIMIT = 1_000  # characters of one telemetry text
_STORY_LIMIT = 20_000  # of a story: each text in it is cut by itself
_WORD_LIMIT = 16  # characters of a cell that is kept on one line
_LANE_LABEL_LIMIT = 20  # characters that fit beside the lanes
_OPEN_INCIDENTS = 10  # told unfolded; the others unfold at a click and in print
_SEVERITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class AxisLabel:
    """A time on an axis, and the date where it changes."""

    x: float
    time: str
    date: str


def write_html(result: HuntResult, path: Path, lang: str = "en") -> None:
    """Write the page, whole or not at all; the same result gives the same bytes."""
    write_text(path, page(result, lang))


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; KizashiError says why it could not."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, "utf-8", newline="\n")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise KizashiError(
            f"{path}: cannot write the report ({error.strerror}). Name an existing folder."
        ) from error


def page(result: HuntResult, lang: str = "en") -> str:
    """The page as text; `lang` is the language it opens in."""
    words = wording(lang)
    environment = _environment()
    style = _style()
    return environment.get_template("page.html.j2").render(
        lang=lang,
        words=words,
        result=result,
        style=Markup(style),
        style_hash=Markup(_csp_hash(style)),
        facts=unseen(result),
        packs=list(packing.packs(result)),
        found_in=_found,
        looked=packing.looked,
        counts=_severity_counts(result),
        totals=_totals(result.sources),
        zone_of=lambda incident: moments.site_zone(incident.site, result.site_zones),
        open_incidents=_OPEN_INCIDENTS,
        say=_say,
        both=_both,
        term=_term,
        lag=lambda source: _in_each(lambda w: lag(source, w)),
        span_of=lambda seconds: _in_each(lambda w: span(seconds, w)),
        chance_of=lambda incident: _chance(incident, result.host_days),
        logged=lambda stage: stage.time - timedelta(seconds=stage.shift_s),
        story_of=lambda incident: _story(incident, result.host_days),
        timeline_title=lambda incident, seconds: words.say(
            "incident.timeline_of",
            rank=incident.rank,
            stages=len(incident.stages),
            span=span(seconds, words),
        ),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kizashi.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters["told"] = _told
    environment.filters["clipped"] = escape.shorten
    environment.filters["host"] = lambda host: host.removeprefix("/")
    environment.filters["number"] = lambda n: f"{n:,.0f}"
    environment.globals.update(
        actogram=actogram.rows,
        draw=timeline.draw,
        axis=axis_labels,
        stamp=moments.stamp,
        clock=moments.clock,
        date=moments.date,
        zone_label=moments.zone_label,
        iso=moments.iso,
        technique_name=technique_name,
        completeness=completeness,
        bare_hosts=_bare_hosts,
        tactics_of=_tactics,
        unaccounted_rows=unaccounted_rows,
        tactic_in=lambda tactic, lang: escape.shorten(
            wording(lang).term("tactic", tactic), _LANE_LABEL_LIMIT
        ),
        reason_in=lambda reason, lang: wording(lang).term("reason", reason),
        gap_in=lambda seconds, lang: span(60 * round(seconds / 60), wording(lang)),
        drawing_width=timeline.WIDTH,
        page_width=pages.WIDTH,
        page_left=pages.LEFT,
        sketch=pages.sketch,
        kind_of=_kind,
        used_columns=_used_columns,
        cell_in_each=_cell,
        phrase=_phrase,
        said_in=lambda phrase, lang: pages.said(phrase, wording(lang)),
        severities=_SEVERITIES,
    )
    return environment


@cache
def _style() -> str:
    source = _environment().loader
    assert source is not None
    return source.get_source(_environment(), "page.css")[0]


def _csp_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


def _visible(value: object) -> object:
    """Runs on every printed expression: no text reaches the page with unseen characters."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return escape.attribute(escape.shorten(value, _TEXT_LIMIT))
    return value


def _told(text: str, limit: int = _TEXT_LIMIT) -> Markup:
    return escape.html(escape.shorten(text, limit))


def _in_each(saying: Callable[[Wording], str], limit: int = _TEXT_LIMIT) -> Markup:
    """The text in each language, of which the page shows one; once where they agree."""
    texts = [saying(wording(lang)) for lang in LANGUAGES]
    if len(set(texts)) == 1:
        return _told(texts[0], limit)
    spans = (
        Markup('<span lang="%s">%s</span>') % (lang, _told(text, limit))
        for lang, text in zip(LANGUAGES, texts, strict=True)
    )
    return Markup("").join(spans)


def _say(key: str, **values: object) -> Markup:
    return _in_each(lambda words: words.say(key, **values))


def _both(english: str, japanese: str) -> Markup:
    return _in_each(lambda words: words.pick(english, japanese))


def _phrase(phrase: Phrase) -> Markup:
    return _in_each(lambda words: pages.said(phrase, words))


def _cell(value: Cell) -> Markup:
    return _in_each(lambda words: pages.cell(value, words))


def _kind(value: Cell) -> str:
    """How a cell is set: n for numbers, when for times, word for what is short and never broken."""
    if pages.is_number(value):
        return "n"
    if isinstance(value, date):
        return "when"
    return "word" if isinstance(value, str) and len(value) <= _WORD_LIMIT else ""


def _used_columns(sheet: Sheet) -> list[int]:
    """The columns that say anything."""
    return [at for at in range(len(sheet.columns)) if any(r[at] is not None for r in sheet.rows)]


def _term(group: str, word: str) -> Markup:
    return _in_each(lambda words: words.term(group, word))


def _chance(incident: Incident, host_days: float) -> Markup:
    return _in_each(lambda words: chance(incident, host_days, words))


def _story(incident: Incident, host_days: float) -> dict[str, list[Markup]]:
    """The paragraph and the lists of a story, each line in every language."""
    told = {lang: story(incident, host_days, wording(lang)) for lang in LANGUAGES}
    return {
        "paragraph": _lines({lang: (said.paragraph,) for lang, said in told.items()}),
        "checks": _lines({lang: said.checks for lang, said in told.items()}),
        "contain": _lines({lang: said.contain for lang, said in told.items()}),
    }


def _found(hunt: PackHunt) -> list[Markup]:
    return _lines({lang: tuple(packing.found(hunt, wording(lang))) for lang in LANGUAGES})


def _lines(said: Mapping[str, Sequence[str]]) -> list[Markup]:
    def line(words: Wording, at: int) -> str:
        return said[words.lang][at]

    return [_in_each(partial(line, at=at), _STORY_LIMIT) for at in range(len(said[LANGUAGES[0]]))]


def _bare_hosts(incident: Incident) -> list[str]:
    """Hosts without the site that stands in the column beside them."""
    return [host.removeprefix(incident.site + "/") for host in incident.hosts]


def _tactics(incident: Incident) -> list[str]:
    return sorted({stage.stage for stage in incident.stages}, key=tactic_order)


def _severity_counts(result: HuntResult) -> list[tuple[str, int]]:
    counts = Counter(incident.severity for incident in result.incidents)
    return [(severity, counts[severity]) for severity in _SEVERITIES if counts[severity]]


def _totals(sources: Sequence[SourceHealth]) -> dict[str, int | datetime | None]:
    firsts = [moments.as_utc(source.first_seen) for source in sources if source.first_seen]
    lasts = [moments.as_utc(source.last_seen) for source in sources if source.last_seen]
    return {
        "files": sum(source.files for source in sources),
        "read": sum(source.read for source in sources),
        "rejected": sum(source.rejected for source in sources),
        "first": min(firsts, default=None),
        "last": max(lasts, default=None),
    }


def axis_labels(drawing: timeline.Timeline, zone: ZoneInfo | None) -> list[AxisLabel]:
    """The labels of one axis from left to right; a date stands only where it changes."""
    marks = sorted((mark for mark in drawing.marks if mark.labelled), key=lambda mark: mark.x)
    dates = ["", *(moments.date(mark.stage.time, zone) for mark in marks)]
    changed = [now if now != before else "" for before, now in pairwise(dates)]
    return [
        AxisLabel(mark.x, moments.clock(mark.stage.time, zone), day)
        for mark, day in zip(marks, changed, strict=True)
    ]

"""The terminal report: a ranked table, one timeline per incident, and what could not be seen.

Everything from telemetry goes through `escape.terminal` into rich Text, which reads no markup.
Widths are counted in cells, so Japanese text takes the two that it draws.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from kizashi.incidents import HuntResult, Incident, PackHunt, SourceHealth, Stage
from kizashi.report import actogram, escape
from kizashi.report.attack import tactic_order, technique_name
from kizashi.report.moments import clock, date, site_zone, stamp, zone_label
from kizashi.report.pack import found, looked, packs
from kizashi.report.prose import Prose
from kizashi.report.story import story
from kizashi.report.unseen import Unseen, completeness, unaccounted_rows, unseen
from kizashi.report.wording import Wording, chance, lag, span, wording

TIMELINES = 50  # incidents told in full; the table lists every one
_TEXT_LIMIT = 400  # characters of one telemetry text
_LIST_LIMIT = 4  # hosts, users, destinations of one incident
_EVIDENCE_LIMIT = 3  # records of one stage
_WARNINGS_LIMIT = 6  # lines above the table; the rest stands below
_TOLD_SHIFT_S = 1.0  # a clock that was moved less is not spoken of
_DRAWN_DAYS = 7  # of a rhythm
_WIDE, _MIDDLE, _ROOMY = 120, 88, 60  # cells from which the tables show more columns
_STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "cyan",
}
_OUTCOMES = {"fired": "bold red", "lead": "bold yellow", "blind": "yellow", "nothing": "green"}


def render_terminal(
    result: HuntResult, console: Console, lang: str = "en", timelines: int = TIMELINES
) -> None:
    """Print the whole report; at most `timelines` incidents are told in full, and it says so."""
    words = wording(lang)
    console.print(Prose(_headline(result, words)))
    for line in _warnings(result, words):
        console.print(line)
    for pack, hunts in packs(result):
        console.print(_pack(pack, hunts, words, console.width >= _MIDDLE))
    if result.incidents:
        console.print(_ranking(result, words, console.width))
        console.print(Prose(Text(words.say("rank.score_why"), "dim")))
        if len(result.incidents) > timelines:
            counts = {"shown": timelines, "total": len(result.incidents)}
            console.print(Prose(Text(words.say("rank.timelines_cut", **counts), "bold")))
    for incident in result.incidents[:timelines]:
        console.print(_incident(incident, result, words, console.options.ascii_only))
    render_unseen(result, console, lang)
    console.print(_sources(result, words, console.width >= _MIDDLE))


def render_unseen(result: HuntResult, console: Console, lang: str = "en") -> None:
    """Print only what could not be seen: for stderr, when JSON lines go to a pipe."""
    words = wording(lang)
    facts = unseen(result)
    console.print(_heading(words.say("unseen.heading")))
    if not result.incidents:
        console.print(Prose(Text(words.say("unseen.lead"))))
    console.print(_blind(facts, words))
    for line in _other_gaps(facts, words):
        console.print(_listed(line))


def _headline(result: HuntResult, words: Wording) -> Text:
    days = f"{result.host_days:,.0f}"
    line = Text("Kizashi", "bold")
    if result.incidents:
        counted = "count.incident" if len(result.incidents) == 1 else "count.incidents"
        line.append(f"  {len(result.incidents):,} {words.say(counted)}")
        line.append(f"  {days} {words.say('count.host_days')}")
    else:
        line.append("  " + words.say("rank.none", days=days))
        line.append("\n" + words.say("rank.none_but"))
    if result.blind:
        line.append(f"  {words.say('count.could_not_look')}: {len(result.blind)}", "yellow")
    return line


def _warnings(result: HuntResult, words: Wording) -> Iterable[Table]:
    """What to know before the list is read, so short that the list stays on the first screen."""
    if result.warnings:
        yield _listed(words.say("unseen.warnings"), "bold yellow", "")
    for note in result.warnings[:_WARNINGS_LIMIT]:
        yield _listed(_safe(words.pick(note.text, note.text_ja)), "yellow", "!")
    rest = len(result.warnings) - _WARNINGS_LIMIT
    if rest > 0:
        yield _listed(words.say("unseen.warnings_more", n=f"{rest:,}"), "yellow", "")


def _pack(pack: str, hunts: tuple[PackHunt, ...], words: Wording, periods: bool) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(words.say("pack.hunt"), overflow="fold", ratio=3)
    table.add_column(words.say("pack.grade"), no_wrap=True)
    table.add_column(words.say("pack.outcome"), overflow="fold", ratio=4)
    if periods:
        table.add_column(words.say("pack.looked"), no_wrap=True)
    for hunt in hunts:
        title = Text(f"{_safe(hunt.hunt)}  ", "bold")
        title.append(_safe(words.pick(hunt.title, hunt.title_ja)))
        outcome = Text(words.say(f"pack.{hunt.state}"), _OUTCOMES[hunt.state])
        for line in found(hunt, words):
            outcome.append("\n" + _safe(line), "")
        cells: list[RenderableType] = [Prose(title), hunt.grade, Prose(outcome)]
        table.add_row(*cells, *((looked(hunt),) if periods else ()))
    why = Prose(Text(words.say("pack.grades"), "dim"))
    return Group(_heading(words.say("pack.heading", pack=_safe(pack))), table, why)


def _ranking(result: HuntResult, words: Wording, width: int) -> Table:
    wide, middle, roomy = width >= _WIDE, width >= _MIDDLE, width >= _ROOMY
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False, padding=(0, 1))
    table.add_column(words.say("rank.rank"), justify="right", no_wrap=True)
    table.add_column(words.say("rank.severity"), no_wrap=True)
    table.add_column(words.say("rank.score"), justify="right", no_wrap=True)
    table.add_column(words.say("rank.incident"), ratio=4, overflow="fold", min_width=16)
    if roomy:
        table.add_column(words.say("rank.hosts"), ratio=2, overflow="fold", min_width=6)
    if wide:
        table.add_column(words.say("rank.users"), ratio=2, overflow="fold")
        table.add_column(words.say("rank.tactics"), ratio=3, overflow="fold")
    if middle:
        table.add_column(f"{words.say('rank.first_seen')} (UTC)", no_wrap=True)
    for incident in result.incidents:
        cells: list[RenderableType] = [
            str(incident.rank),
            _severity(incident, words),
            f"{incident.score:.1f}",
            Prose(_title(incident, words)),
        ]
        if roomy:
            cells.append(_names(_hosts(incident), words, 2))
        if wide:
            cells += [_names(incident.users, words, 2), _names(_tactics(incident, words), words, 9)]
        if middle:
            cells.append(f"{date(incident.first_seen)} {clock(incident.first_seen)[:5]}")
        table.add_row(*cells)
    return table


def _incident(
    incident: Incident, result: HuntResult, words: Wording, ascii_only: bool
) -> RenderableType:
    head = Text(f"{incident.rank}  ", "bold")
    head.append_text(_severity(incident, words))
    head.append(f"  {incident.score:.1f}  ", "bold")
    head.append_text(_title(incident, words))
    body: list[RenderableType] = [Padding(_facts(incident, result, words), (0, 0, 1, 3))]
    body.append(Padding(Prose(_told(incident, result, words)), (0, 0, 1, 3)))
    body.append(_timeline(incident, result, words, ascii_only))
    body.append(Padding(Prose(_absent(incident, words)), (1, 0, 0, 3)))
    body.append(Padding(_readings(incident, result, words), (1, 0, 0, 3)))
    return Group(Text(), Rule(style="dim"), Prose(head), *body)


def _told(incident: Incident, result: HuntResult, words: Wording) -> Text:
    told = story(incident, result.host_days, words)
    text = Text(escape.terminal(told.paragraph))
    for key, lines in (("story.checks", told.checks), ("story.contain", told.contain)):
        text.append(f"\n{words.say(key)}", "bold")
        for line in lines:
            text.append(f"\n- {escape.terminal(line)}")
    return text


def _facts(incident: Incident, result: HuntResult, words: Wording) -> Table:
    zone = site_zone(incident.site, result.site_zones)
    when = [_period(incident.first_seen, incident.last_seen, None)]
    if zone:
        when.append(_period(incident.first_seen, incident.last_seen, zone))
    seconds = (incident.last_seen - incident.first_seen).total_seconds()
    if seconds > 0:
        when[0] += " " + words.say("incident.lasted", span=span(seconds, words))
    rows = (
        ("rank.site", Text(_safe(incident.site) or words.say("incident.no_site"))),
        ("rank.hosts", _names(_hosts(incident), words, _LIST_LIMIT)),
        ("rank.users", _names(incident.users, words, _LIST_LIMIT)),
        ("rank.owners", _names(incident.owners, words, _LIST_LIMIT)),
        ("rank.criticality", Text(str(incident.criticality or ""))),
        ("incident.when", Text("\n".join(when))),
        ("incident.destinations", _names(incident.destinations, words, _LIST_LIMIT)),
        ("incident.id", Text(f"{_safe(incident.id)}  {_safe(incident.chain)}", "dim")),
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in rows:
        if value.plain:
            table.add_row(words.say(key), value)
    return table


def _timeline(
    incident: Incident, result: HuntResult, words: Wording, ascii_only: bool
) -> RenderableType:
    zone = site_zone(incident.site, result.site_zones)
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True, min_width=2)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    shown_date = ""
    for number, stage in enumerate(incident.stages, 1):
        times = Text()
        if date(stage.time) != shown_date:
            shown_date = date(stage.time)
            times.append(shown_date + "\n", "bold")
        times.append(f"{clock(stage.time)} UTC")
        if zone:
            times.append(f"\n{clock(stage.time, zone)} {zone_label(stage.time, zone)}", "dim")
            if date(stage.time, zone) != shown_date:
                times.append(f"\n{date(stage.time, zone)}", "dim")
        table.add_row(
            str(number), times, _rail(stage, ascii_only), Prose(_stage(stage, words, ascii_only))
        )
        if number < len(incident.stages):
            table.add_row("", "", Text("|" if ascii_only else "│", "dim"), "")
    return table


def _rail(stage: Stage, ascii_only: bool) -> Text:
    hollow, full = ("o", "*") if ascii_only else ("○", "●")
    return Text(hollow if stage.inferred else full, "yellow" if stage.inferred else "green")


def _stage(stage: Stage, words: Wording, ascii_only: bool) -> Text:
    text = Text(words.term("tactic", _safe(stage.stage)), "bold")
    if stage.inferred:
        text.append(f" [{words.say('incident.inferred')}]", "yellow")
    text.append(f"  {_safe(stage.detector)}", "cyan")
    text.append(f"  {_entity(stage)}", "dim")
    text.append("\n" + _safe(words.pick(stage.summary, stage.summary_ja)))
    for technique in stage.techniques:
        text.append(f"\n{_safe(technique)} {technique_name(technique)}".rstrip(), "magenta")
    link = words.pick(stage.link, stage.link_ja)
    if link:
        text.append(f"\n{words.say('incident.link')}: ", "dim")
        text.append(_safe(link))
    if stage.last_time:
        again = words.say("incident.repeated", n=stage.times, time=stamp(stage.last_time))
        text.append("\n" + again, "dim")
    if abs(stage.shift_s) >= _TOLD_SHIFT_S:
        logged = stage.time - timedelta(seconds=stage.shift_s)
        text.append("\n" + words.say("incident.logged", time=stamp(logged)), "dim")
    for row in actogram.rows(stage.beats)[-_DRAWN_DAYS:]:
        text.append(f"\n{row.day:%m-%d} ", "dim")
        text.append(actogram.line(row, ascii_only), "cyan")
    for proof in stage.evidence[:_EVIDENCE_LIMIT]:
        text.append(f"\n{_safe(proof.file)}:{proof.line}", "blue")
    text.append(_more(len(stage.evidence), _EVIDENCE_LIMIT, words), "dim")
    return text


def _absent(incident: Incident, words: Wording) -> Text:
    if not incident.missing:
        return Text(words.say(completeness(incident)), "dim")
    text = Text(words.say("incident.missing"), "bold")
    for item in incident.missing:
        tactic = words.term("tactic", _safe(item.stage))
        reason = words.term("reason", _safe(item.reason))
        text.append("\n- " + words.say("incident.absent", tactic=tactic, reason=reason))
        text.append(_safe(words.pick(item.text, item.text_ja)), "dim")
    return text


def _readings(incident: Incident, result: HuntResult, words: Wording) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    benign = words.pick(incident.benign_story, incident.benign_story_ja)
    table.add_column(words.say("incident.reading_chance"), ratio=1, overflow="fold")
    table.add_column(words.say("incident.reading_benign"), ratio=1, overflow="fold")
    table.add_row(
        Prose(Text(_safe(chance(incident, result.host_days, words)))),
        Prose(Text(_safe(benign) or words.say("incident.benign_unknown"))),
    )
    return table


def _blind(facts: Unseen, words: Wording) -> RenderableType:
    if not facts.blind:
        return Prose(Text(words.say("unseen.could_look")))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(words.say("unseen.could_not_look"), style="yellow", overflow="fold", ratio=1)
    table.add_column(words.say("unseen.why"), overflow="fold", ratio=3)
    for item in facts.blind:
        why = Text(_safe(words.pick(item.text, item.text_ja)))
        table.add_row(Text(_safe(item.subject)), Prose(why))
    return table


def _other_gaps(facts: Unseen, words: Wording) -> Iterable[str]:
    if facts.zoneless_sites:
        sites = ", ".join(
            _safe(site) or words.say("incident.no_site") for site in facts.zoneless_sites
        )
        yield words.say("unseen.zones_line", sites=sites)
    for source in facts.unaccounted:
        yield words.say(
            "unseen.unaccounted",
            source=_safe(source.source),
            n=f"{unaccounted_rows(source):,}",
            read=f"{source.read:,}",
        )
    for note in (*facts.warnings, *facts.notes):
        yield _safe(words.pick(note.text, note.text_ja))


def _sources(result: HuntResult, words: Wording, periods: bool) -> RenderableType:
    heading = _heading(words.say("sources.heading"))
    if not result.sources:
        return Group(heading, Text(words.say("sources.none")))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(words.say("sources.source"), overflow="fold", min_width=7)
    for key in ("files", "read", "stored", "rejected", "duplicate"):
        table.add_column(words.say(f"sources.{key}"), justify="right", overflow="fold")
    table.add_column(words.say("sources.lag"), justify="right", overflow="fold")
    for key in ("first", "last") if periods else ():
        table.add_column(f"{words.say(f'sources.{key}')} (UTC)", no_wrap=True)
    for source in result.sources:
        period = _source_period(source) if periods else ()
        table.add_row(*_source_cells(source), lag(source, words), *period)
    return Group(heading, table)


def _source_cells(source: SourceHealth) -> Iterable[RenderableType]:
    yield Text(_safe(source.source))
    yield f"{source.files:,}"
    yield f"{source.read:,}"
    yield f"{source.stored:,}"
    yield Text(f"{source.rejected:,}", "yellow" if source.rejected else "")
    yield f"{source.duplicate:,}"


def _source_period(source: SourceHealth) -> Iterable[RenderableType]:
    for moment in (source.first_seen, source.last_seen):
        yield f"{date(moment)} {clock(moment)[:5]}" if moment else "-"


def _heading(words: str) -> RenderableType:
    return Group(Text(), Text(words, "bold underline"))


def _listed(line: str, style: str = "", mark: str = "-") -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(mark, Prose(Text(line, style)))
    return table


def _severity(incident: Incident, words: Wording) -> Text:
    style = _STYLES.get(incident.severity, "")
    return Text(words.term("severity", escape.shorten(_safe(incident.severity), 12)), style)


def _title(incident: Incident, words: Wording) -> Text:
    return Text(_safe(words.pick(incident.title, incident.title_ja)), "bold")


def _period(first: datetime, last: datetime, zone: ZoneInfo | None) -> str:
    if first == last:
        return stamp(first, zone)
    return f"{stamp(first, zone)} → {stamp(last, zone)}"


def _hosts(incident: Incident) -> tuple[str, ...]:
    return tuple(host.removeprefix("/") for host in incident.hosts)


def _entity(stage: Stage) -> str:
    return _safe(stage.entity.removeprefix("/"))


def _tactics(incident: Incident, words: Wording) -> tuple[str, ...]:
    tactics = sorted({stage.stage for stage in incident.stages}, key=tactic_order)
    return tuple(words.term("tactic", tactic) for tactic in tactics)


def _names(names: tuple[str, ...], words: Wording, limit: int) -> Text:
    shown = ", ".join(escape.shorten(_safe(name), 60) for name in names[:limit])
    return Text(shown + _more(len(names), limit, words))


def _more(count: int, limit: int, words: Wording) -> str:
    return " " + words.say("count.more", n=f"{count - limit:,}") if count > limit else ""


def _safe(text: str) -> str:
    # Cut first: what is left out need not be spelled.
    return escape.terminal(escape.shorten(text, _TEXT_LIMIT))

"""Incidents in other programs' forms: one function a format, found by name.

Text from telemetry passes the escaping of the format that it is written to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from kizashi.incidents import HuntResult, Incident, Stage
from kizashi.report import escape, ocsf, stix
from kizashi.report.attack import is_technique, technique_name
from kizashi.report.moments import iso, stamp
from kizashi.report.story import story
from kizashi.report.wording import Wording, chance, wording

BOM = "\ufeff"
COLUMNS = (
    "incident", "rank", "severity", "score", "title", "site", "hosts", "users", "stage_number",
    "time", "tactic", "techniques", "detector", "entity", "summary", "inferred", "link",
    "evidence",
)  # fmt: skip
# A spreadsheet's cell holds 32,767 characters, and one character may be spelled in eight.
_CELL_LIMIT = 4_000
_LAYER = {"attack": "17", "navigator": "5.1.0", "layer": "4.5"}


def markdown(result: HuntResult, lang: str = "en") -> str:
    """A page of CommonMark with tables, an incident a section."""
    words = wording(lang)
    parts = [f"# {words.say('page.title')}\n"]
    for incident in result.incidents:
        parts += _section(incident, result, words)
    if not result.incidents:
        parts.append(words.say("rank.none", days=f"{result.host_days:,.0f}") + "\n")
        parts.append(words.say("rank.none_but") + "\n")
    parts.append(f"## {words.say('unseen.heading')}\n")
    for item in result.blind:
        said = words.pick(item.text, item.text_ja)
        parts.append(f"- {escape.markdown(item.subject)}: {escape.markdown(said)}")
    for note in (*result.warnings, *result.notes):
        parts.append(f"- {escape.markdown(words.pick(note.text, note.text_ja))}")
    return "\n".join(parts) + "\n"


def _section(incident: Incident, result: HuntResult, words: Wording) -> Iterator[str]:
    safe = escape.markdown
    told = story(incident, result.host_days, words)
    severity = words.term("severity", incident.severity)
    yield f"## {incident.rank}\\. {safe(words.pick(incident.title, incident.title_ja))}\n"
    yield f"{safe(severity)}, {incident.score:.1f}, {safe(incident.id)}\n"
    yield safe(told.paragraph) + "\n"
    for key, lines in (("story.checks", told.checks), ("story.contain", told.contain)):
        yield f"### {words.say(key)}\n"
        yield "\n".join(f"- {safe(line)}" for line in lines) + "\n"
    heads = ("time", "stage", "technique", "summary", "link", "evidence")
    yield "| " + " | ".join(words.say(f"incident.{head}") for head in heads) + " |"
    yield "|" + " --- |" * len(heads)
    for stage in incident.stages:
        mark = f" [{words.say('incident.inferred')}]" if stage.inferred else ""
        cells = (
            stamp(stage.time),
            words.term("tactic", stage.stage) + mark,
            ", ".join(stage.techniques),
            words.pick(stage.summary, stage.summary_ja),
            words.pick(stage.link, stage.link_ja),
            _first_proof(stage),
        )
        yield "| " + " | ".join(safe(cell) for cell in cells) + " |"
    yield ""
    yield (
        f"{words.say('incident.reading_chance')}: "
        + safe(chance(incident, result.host_days, words))
        + "\n"
    )


def _first_proof(stage: Stage) -> str:
    if not stage.evidence:
        return ""
    first, rest = stage.evidence[0], len(stage.evidence) - 1
    return f"{first.file}:{first.line}" + (f" (+{rest})" if rest else "")


def csv(result: HuntResult, lang: str = "en") -> str:
    """A line for each stage (RFC 4180), fields that no spreadsheet reads as a formula."""
    words = wording(lang)
    lines = [",".join(map(_cell, COLUMNS))]
    for incident in result.incidents:
        for number, stage in enumerate(incident.stages, 1):
            fields = (*_of_incident(incident, words), str(number), *_of_stage(stage, words))
            lines.append(",".join(map(_cell, fields)))
    return "\r\n".join(lines) + "\r\n"


def _cell(text: str) -> str:
    return escape.csv(escape.shorten(text, _CELL_LIMIT))


def csv_bom(result: HuntResult, lang: str = "en") -> str:
    """The same behind a byte order mark, by which Excel knows UTF-8."""
    return BOM + csv(result, lang)


def _of_incident(incident: Incident, words: Wording) -> tuple[str, ...]:
    return (
        incident.id,
        str(incident.rank),
        incident.severity,
        f"{incident.score:.2f}",
        words.pick(incident.title, incident.title_ja),
        incident.site,
        " ".join(incident.hosts),
        " ".join(incident.users),
    )


def _of_stage(stage: Stage, words: Wording) -> tuple[str, ...]:
    return (
        iso(stage.time),
        stage.stage,
        " ".join(stage.techniques),
        stage.detector,
        stage.entity,
        words.pick(stage.summary, stage.summary_ja),
        "yes" if stage.inferred else "no",
        words.pick(stage.link, stage.link_ja),
        " ".join(f"{proof.file}:{proof.line}" for proof in stage.evidence),
    )


def navigator(result: HuntResult, lang: str = "en") -> str:
    """A layer of the ATT&CK Navigator: each technique by the highest score that showed it."""
    words = wording(lang)
    seen: dict[tuple[str, str], list[Incident]] = {}
    for incident in result.incidents:
        for stage in incident.stages:
            for technique in filter(is_technique, stage.techniques):
                seen.setdefault((technique, stage.stage), []).append(incident)
    techniques = [
        {
            "techniqueID": technique,
            "tactic": tactic,
            "score": max(incident.score for incident in found),
            "comment": "\n".join(_comment(i, words) for i in dict.fromkeys(found)),
            "enabled": True,
            "metadata": [{"name": "name", "value": technique_name(technique)}],
        }
        for (technique, tactic), found in sorted(seen.items())
    ]
    highest = max((incident.score for incident in result.incidents), default=1.0)
    layer = {
        "name": words.say("page.title"),
        "versions": _LAYER,
        "domain": "enterprise-attack",
        "description": words.say("page.about"),
        "techniques": techniques,
        "gradient": {"colors": ["#ffffff", "#d1495b"], "minValue": 0, "maxValue": highest},
    }
    return document(layer)


def _comment(incident: Incident, words: Wording) -> str:
    return escape.visible(f"{incident.id} {words.pick(incident.title, incident.title_ja)}")


def document(value: object) -> str:
    """JSON that a terminal may show."""
    lines = json.dumps(value, ensure_ascii=False, indent=1).split("\n")
    return "\n".join(escape.json_line(line) for line in lines) + "\n"


def stix_bundle(result: HuntResult, lang: str = "en") -> str:
    """A STIX 2.1 bundle."""
    return document(stix.bundle(result, lang))


def ocsf_findings(result: HuntResult, lang: str = "en") -> str:
    """OCSF detection findings, one JSON object a line."""
    found = (json.dumps(f, ensure_ascii=False) for f in ocsf.findings(result, lang))
    return "".join(escape.json_line(line) + "\n" for line in found)


FORMATS: Mapping[str, Callable[[HuntResult, str], str]] = {
    "markdown": markdown,
    "csv": csv,
    "csv-bom": csv_bom,
    "stix": stix_bundle,
    "ocsf": ocsf_findings,
    "navigator": navigator,
}

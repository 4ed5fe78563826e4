"""JSON lines for programs: one incident a line, whole and in rank order; before them, where packs
were asked for, one hunt of a pack a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from kizashi.incidents import HuntResult, Incident, PackHunt, Stage
from kizashi.report import escape
from kizashi.report.moments import iso
from kizashi.report.story import story
from kizashi.report.wording import Wording, wording


def write_jsonl(result: HuntResult, out: TextIO, lang: str = "en") -> None:
    """Write one line per hunt of a pack and one per incident; nothing when there is none."""
    for line in lines(result, lang):
        out.write(line + "\n")


def lines(result: HuntResult, lang: str = "en") -> Iterator[str]:
    """The incidents as JSON documents. `lang` picks title, summary and the other sentences."""
    words = wording(lang)
    blind = [{"subject": b.subject, "text": words.pick(b.text, b.text_ja)} for b in result.blind]
    warnings = [words.pick(note.text, note.text_ja) for note in result.warnings]
    for hunt in result.pack_hunts:
        yield escape.json_line(json.dumps(_pack_hunt(hunt, words), ensure_ascii=False))
    for incident in result.incidents:
        told = story(incident, result.host_days, words)
        said = {"story": told.paragraph, "checks": told.checks, "contain": told.contain}
        whole = {"blind": blind, "warnings": warnings}
        document = _incident(incident, words) | said | whole
        yield escape.json_line(json.dumps(document, ensure_ascii=False))


def _pack_hunt(hunt: PackHunt, words: Wording) -> dict[str, Any]:
    moments = ("first_seen", "last_seen", "first_looked", "last_looked")
    return {
        "pack": hunt.pack,
        "hunt": hunt.hunt,
        "title": words.pick(hunt.title, hunt.title_ja),
        "grade": hunt.grade,
        "sources": hunt.sources,
        "about": words.pick(hunt.about, hunt.about_ja),
        "state": hunt.state,
        "records": hunt.records,
        "hosts": hunt.hosts,
        "incidents": hunt.incidents,
        **{name: iso(getattr(hunt, name)) if getattr(hunt, name) else None for name in moments},
        "lacking": hunt.lacking,
        "evidence": [{"file": proof.file, "line": proof.line} for proof in hunt.evidence],
        "past": [words.pick(note.text, note.text_ja) for note in hunt.past],
    }


def _incident(incident: Incident, words: Wording) -> dict[str, Any]:
    return {
        "id": incident.id,
        "rank": incident.rank,
        "score": round(incident.score, 4),
        "severity": incident.severity,
        "chance": words.pick(incident.chance, incident.chance_ja),
        "chain": incident.chain,
        "title": words.pick(incident.title, incident.title_ja),
        "site": incident.site,
        "hosts": incident.hosts,
        "users": incident.users,
        "owners": incident.owners,
        "criticality": incident.criticality,
        "first_seen": iso(incident.first_seen),
        "last_seen": iso(incident.last_seen),
        "techniques": incident.techniques,
        "destinations": incident.destinations,
        "stages": [_stage(stage, words) for stage in incident.stages],
        "missing": [
            {"stage": m.stage, "reason": m.reason, "text": words.pick(m.text, m.text_ja)}
            for m in incident.missing
        ],
    }


def _stage(stage: Stage, words: Wording) -> dict[str, Any]:
    return {
        "stage": stage.stage,
        "time": iso(stage.time),
        "detector": stage.detector,
        "techniques": stage.techniques,
        "entity": stage.entity,
        "summary": words.pick(stage.summary, stage.summary_ja),
        "inferred": stage.inferred,
        "link": words.pick(stage.link, stage.link_ja),
        "tied_to": stage.tied_to,
        "times": stage.times,
        "last_time": iso(stage.last_time) if stage.last_time else None,
        "shift_s": stage.shift_s,
        "beats": [iso(moment) for moment in stage.beats],
        "siblings": stage.siblings,
        "other_hosts": stage.other_hosts,
        "evidence": [{"file": proof.file, "line": proof.line} for proof in stage.evidence],
    }

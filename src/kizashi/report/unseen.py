"""What a hunt could not see: blind detectors, stages without logs, sites without a zone, notes.

"Could not look" is never "nothing found", so each report shows this, with or without incidents.
"""

from __future__ import annotations

from dataclasses import dataclass

from kizashi.incidents import LINKED, Blind, HuntResult, Incident, Missing, Note, SourceHealth
from kizashi.report.moments import site_zone


@dataclass(frozen=True, slots=True)
class Absence:
    """One stage that chains lack for one reason, with the ranks of the incidents concerned."""

    missing: Missing
    ranks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Everything that the logs of one hunt cannot show."""

    blind: tuple[Blind, ...]
    absences: tuple[Absence, ...]
    zoneless_sites: tuple[str, ...]
    unaccounted: tuple[SourceHealth, ...]
    notes: tuple[Note, ...]
    warnings: tuple[Note, ...]


def unseen(result: HuntResult) -> Unseen:
    """What the result says it could not see, in a fixed order."""
    sites = {incident.site for incident in result.incidents} | set(result.site_zones)
    zoneless = sorted(site for site in sites if site_zone(site, result.site_zones) is None)
    return Unseen(
        result.blind,
        _absences(result),
        tuple(zoneless),
        tuple(source for source in result.sources if unaccounted_rows(source)),
        result.notes,
        result.warnings,
    )


def unaccounted_rows(source: SourceHealth) -> int:
    """Rows read that are neither stored, nor rejected, nor known already; 0 when the sum holds."""
    return source.read - source.stored - source.rejected - source.duplicate


def completeness(incident: Incident) -> str:
    """Key of the sentence for an incident that lacks no stage."""
    if incident.chain == LINKED:
        return "incident.missing_unnamed"
    return "incident.missing_none" if len(incident.stages) > 1 else "incident.missing_single"


def _absences(result: HuntResult) -> tuple[Absence, ...]:
    ranks: dict[tuple[str, str, str], list[int]] = {}
    first: dict[tuple[str, str, str], Missing] = {}
    for incident in result.incidents:
        for missing in incident.missing:
            key = (missing.stage, missing.reason, missing.text)
            first.setdefault(key, missing)
            ranks.setdefault(key, []).append(incident.rank)
    return tuple(Absence(missing, tuple(ranks[key])) for key, missing in first.items())

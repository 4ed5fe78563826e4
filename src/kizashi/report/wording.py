"""The words of the reports, from messages/<lang>.toml, and how chances and spans are said."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from kizashi.errors import UsageError
from kizashi.incidents import Incident, SourceHealth

LANGUAGES = ("en", "ja")
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts of one language by dotted key, such as `rank.severity`."""

    lang: str
    texts: dict[str, str]

    def say(self, key: str, /, **values: object) -> str:
        """The text with its placeholders filled; KeyError names a key that no file has."""
        return self.texts[key].format(**values)

    def term(self, group: str, word: str) -> str:
        """A tactic, severity or reason in this language; a word that nobody translated as it is."""
        return self.texts.get(f"{group}.{word}", word)

    def pick(self, english: str, japanese: str) -> str:
        """The text in this language, or the other one where it is empty."""
        return (japanese or english) if self.lang == "ja" else (english or japanese)


@cache
def wording(lang: str) -> Wording:
    """The words of a language; UsageError for one that has no message file."""
    if lang not in LANGUAGES:
        raise UsageError(f'no reports in language "{lang}". Choose one of: {", ".join(LANGUAGES)}')
    text = files(__package__).joinpath(f"messages/{lang}.toml").read_text("utf-8")
    groups = tomllib.loads(text)
    return Wording(
        lang, {f"{g}.{key}": v for g, group in groups.items() for key, v in group.items()}
    )


def span(seconds: float, words: Wording) -> str:
    """A span of time in its two largest units: `3 d 4 h`, `12 min 5 s`, `3日4時間`."""
    left = max(0, round(seconds))
    parts = []
    for unit, size in (
        ("days", _DAY_S),
        ("hours", _HOUR_S),
        ("minutes", _MINUTE_S),
        ("seconds", 1),
    ):
        count, left = divmod(left, size)
        parts.append((unit, count))
    first = next((at for at, (unit, count) in enumerate(parts) if count), len(parts) - 1)
    shown = [p for p in parts[first : first + 2] if p[1]] or [parts[-1]]
    return words.say("span.joint").join(words.say(f"span.{unit}", n=n) for unit, n in shown)


def lag(source: SourceHealth, words: Wording) -> str:
    """How late a source's records arrive, or that nothing says it."""
    if source.lag_s is None:
        return words.say("sources.lag_unknown")
    told = span(abs(source.lag_s), words)
    if source.lag_s <= -1:
        return words.say("sources.lag_ahead", span=told)
    return words.say("sources.lag_at_most", span=told) if source.lag_by == "file" else told


def chance(incident: Incident, host_days: float, words: Wording) -> str:
    """How often such a thing happens by chance, as the incident says it or told from its score."""
    said = words.pick(incident.chance, incident.chance_ja)
    if said:
        return said
    if host_days >= 1 and incident.score > math.log10(host_days):
        return words.say("chance.rarer", days=f"{math.floor(host_days):,}")
    exponent = math.floor(incident.score + 1e-9)
    times = f"{10**exponent:,}" if 0 <= exponent <= 6 else f"10^{exponent}"
    return words.say("chance.once", days=times)

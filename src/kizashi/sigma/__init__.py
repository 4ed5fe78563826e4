"""Sigma rules over event logs.

pySigma reads the rules; each becomes a tree of tests on fields. Events become columns whose
distinct values are kept once, so that a test looks at each different command line once however
often it ran, and a rule whose first test meets nothing costs next to nothing. `load` gives the
rules and what is wrong with the others; `hits` runs them over events, and `correlate` tells what
their hits amount to together. `sql` says a rule over our tables, for detectors.
"""

from kizashi.sigma.correlations import Correlation
from kizashi.sigma.episodes import Episode, correlate
from kizashi.sigma.events import Gathering, Group, Place
from kizashi.sigma.matching import Hit, Matcher, hits
from kizashi.sigma.occurrences import Watch, moment
from kizashi.sigma.rules import Broken, Rule, Rules, load, parse, unseen
from kizashi.sigma.tables import TABLE, View, is_ours, origin, table_events, view

__all__ = [
    "TABLE",
    "Broken",
    "Correlation",
    "Episode",
    "Gathering",
    "Group",
    "Hit",
    "Matcher",
    "Place",
    "Rule",
    "Rules",
    "View",
    "Watch",
    "correlate",
    "hits",
    "is_ours",
    "load",
    "moment",
    "origin",
    "parse",
    "table_events",
    "unseen",
    "view",
]

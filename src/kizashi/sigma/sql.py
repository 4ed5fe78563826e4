"""Rules as conditions in SQL, for detectors: what `matching` tests on values, said of columns."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network

from kizashi.sigma.refusals import Unable
from kizashi.sigma.rules import AllOf, Node, Not, Test
from kizashi.sigma.tables import View

_COMPARE = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "NEQ": "<>"}


def condition(node: Node, view: View) -> str:
    """A boolean expression over the view's table, never NULL. Unable where a field is none of its
    columns: it would be false for ever, and nobody would know."""
    if isinstance(node, Test):
        return f"coalesce({_test(node, view)}, FALSE)"
    if isinstance(node, Not):
        return f"NOT {condition(node.part, view)}"
    word = " AND " if isinstance(node, AllOf) else " OR "
    return "(" + word.join(condition(part, view) for part in node.parts) + ")"


def literal(text: str) -> str:
    """A text as SQL writes it."""
    if "\0" in text:
        raise Unable("a zero byte cannot be looked for")
    return "'" + text.replace("'", "''") + "'"


def text_of(view: View, field: str) -> str:
    """A field as text. Unable where the table has none such."""
    expression = view.expression(field)
    if expression is None:
        known = ", ".join(view.fields)
        raise Unable(f"no column of {view.table} holds {field!r}. Fields: {known}")
    return f"CAST({expression} AS VARCHAR)"


def _test(test: Test, view: View) -> str:
    if test.field is None:
        raise Unable("keywords are not looked for in tables; name a field")
    text = text_of(view, test.field)
    if test.op == "null":
        return f"coalesce({text}, '') = ''"
    if test.op == "exists":
        return f"{text} IS {'NOT ' if test.value else ''}NULL"
    if test.op == "cidr":
        return _in_network(text, test.value)
    if test.op == "compare":
        operator, number = test.value
        return f"TRY_CAST({text} AS DOUBLE) {_COMPARE[operator]} {number!r}"
    if test.op == "regex":
        flags = "" if test.value.options.case_sensitive else "(?i)"
        flags += "(?s)" if test.value.options.dot_nl else ""
        pattern = literal(flags + str(test.value.pattern))
        return f"regexp_matches({text if test.cased else _low(text)}, {pattern})"
    if test.op == "same":
        other, how = test.value
        return _TEXT[how](_low(text), _low(text_of(view, other)))
    return _TEXT[test.op](text if test.cased else _low(text), literal(test.value))


def _low(text: str) -> str:
    return f"lower({text})"


def _in_network(text: str, network: object) -> str:
    if not isinstance(network, IPv4Network):
        raise Unable("networks of IPv6 are not looked for in tables")
    low, high = int(network.network_address), int(network.broadcast_address)
    return f"ip_number({text}) BETWEEN {low} AND {high}"


_TEXT: dict[str, Callable[[str, str], str]] = {
    "equals": lambda text, value: f"{text} = {value}",
    "contains": lambda text, value: f"contains({text}, {value})",
    "starts": lambda text, value: f"starts_with({text}, {value})",
    "ends": lambda text, value: f"ends_with({text}, {value})",
}

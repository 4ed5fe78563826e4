"""Where addresses are, by local MMDB files of any maker (GeoLite2, DB-IP, IPinfo). No network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from kizashi.errors import KizashiError


class _Found(NamedTuple):
    country: str | None
    latitude: float | None
    longitude: float | None
    asn: int | None


Place = tuple[str, str | None, float | None, float | None, int | None]


def locate(files: Sequence[Path], addresses: Iterable[str]) -> Iterator[Place]:
    """(address, country, latitude, longitude, network's number) of each address that one of the
    files knows; of two files, the first that says a thing. KizashiError where a file is none."""
    # Loaded only where a file is given.
    from maxminddb import InvalidDatabaseError

    with ExitStack() as opened:
        try:
            readers = [opened.enter_context(_opened(file)) for file in files]
        except (OSError, ValueError, InvalidDatabaseError) as error:
            raise KizashiError(f"{error}. organisation.places must name MMDB files") from error
        for address in addresses:
            said = [_read(reader, address) for reader in readers]
            found = _Found(
                next((one.country for one in said if one.country), None),
                next((one.latitude for one in said if one.latitude is not None), None),
                next((one.longitude for one in said if one.longitude is not None), None),
                next((one.asn for one in said if one.asn), None),
            )
            if any(value is not None for value in found):
                yield address, *found


def _opened(file: Path) -> Any:
    """A reader in Python: damage raises there, and a fleet's addresses take a second."""
    import maxminddb

    return maxminddb.open_database(str(file), maxminddb.MODE_MMAP)


def _read(reader: Any, address: str) -> _Found:
    try:
        said = reader.get(address)
    except ValueError:  # IPv6 asked of a file of IPv4
        said = None
    if not isinstance(said, dict):
        return _Found(None, None, None, None)
    country = said.get("country_code") or said.get("country") or said.get("registered_country")
    if isinstance(country, dict):
        country = country.get("iso_code")
    where = said.get("location")
    where = where if isinstance(where, dict) else said
    asn = str(said.get("autonomous_system_number") or said.get("asn") or "").upper()
    digits = asn.removeprefix("AS")
    return _Found(
        str(country) if country else None,
        _number(where.get("latitude", where.get("lat"))),
        _number(where.get("longitude", where.get("lng"))),
        int(digits) if digits.isdecimal() else None,
    )


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None

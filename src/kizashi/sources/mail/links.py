"""URLs in text and HTML, found on the bytes: a large body is never turned into text whole."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from kizashi.sources.mail import limits
from kizashi.sources.mail.charsets import clean, decode

_PLAIN = re.compile(rb"(?:https?|ftps?)://[^\s\x00-\x20<>\"'`{}|\\^\x7f-\xff]{1,2048}", re.I)
_ATTRIBUTE = re.compile(
    rb"(?<![\w-])(?:href|action|formaction|xlink:href)\s{0,20}=\s{0,20}"
    rb"(?:\"([^\"]{1,4096})\"|'([^']{1,4096})'|([^\s\"'>]{1,4096}))",
    re.I,
)
_REFRESH = re.compile(
    rb"content\s{0,20}=\s{0,20}[\"']?\s{0,20}\d{0,5}\s{0,20};\s{0,20}url=([^\"'>]{1,4096})", re.I
)
_SCHEME = re.compile(r"(?:https?|ftps?|file|smb|webdavs?|search-ms|ms-[a-z]+):", re.I)
_ASCII_LIKE = re.compile(r"utf-?16|utf-?32|utf-?7|ucs", re.I)


def find_links(body: bytes, charset: str | None, is_html: bool) -> Iterator[str]:
    """Every URL of a body in order, with repeats; relative and mailto links are left out."""
    if charset is not None and _ASCII_LIKE.match(charset):
        body = decode(body, charset).encode("utf-8", "replace")
        charset = "utf-8"
    if is_html:
        for match in _ATTRIBUTE.finditer(body):
            yield from _of_attribute(match[1] or match[2] or match[3], charset)
        for match in _REFRESH.finditer(body):
            yield from _of_attribute(match[1], charset)
    for match in _PLAIN.finditer(body):
        if is_html:
            yield html.unescape(_trim(match[0].decode("ascii")))
        else:
            yield _trim(match[0].decode("ascii"))


def _of_attribute(raw: bytes, charset: str | None) -> Iterator[str]:
    # Browsers drop line ends and tabs inside a URL, which is used to split tell-tale words.
    url = clean(re.sub(r"[\t\r\n]", "", html.unescape(decode(raw, charset))))
    if url.startswith("//"):
        url = "http:" + url
    if _SCHEME.match(url):
        yield url[: limits.LINK_CHARACTERS]


def _trim(url: str) -> str:
    url = url.rstrip(".,;:!?'*_")
    for opening, closing in ("()", "[]"):
        # A sentence in brackets closes behind the URL, which may hold pairs of its own.
        surplus = url.count(closing) - url.count(opening)
        trailing = len(url) - len(url.rstrip(closing))
        if surplus > 0 and trailing > 0:
            url = url[: len(url) - min(surplus, trailing)].rstrip(".,;:!?")
    return url[: limits.LINK_CHARACTERS]

"""URLs in text and HTML, found on the bytes: a large body is never turned into text whole."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice

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


def find_links(body: bytes, charset: str | None, is_html: bool) -> Iterator[str | None]:
    """Every URL of a body in order, with repeats, and None for what stands in the place of one and
    is none, so that whoever asks can count what was looked at."""
    if charset is not None and _ASCII_LIKE.match(charset):
        body = decode(body, charset).encode("utf-8", "replace")
        charset = "utf-8"
    if is_html:
        for match in _ATTRIBUTE.finditer(body):
            yield _of_attribute(match[1] or match[2] or match[3], charset)
        for match in _REFRESH.finditer(body):
            yield _of_attribute(match[1], charset)
    for match in _PLAIN.finditer(body):
        if is_html:
            yield html.unescape(_trim(match[0].decode("ascii")))
        else:
            yield _trim(match[0].decode("ascii"))


_ANCHOR = re.compile(
    rb"<a\b[^>]{0,2000}?\bhref\s{0,20}=\s{0,20}(?:\"([^\"]{1,2048})\"|'([^']{1,2048})')[^>]{0,2000}>"
    rb"([^<]{4,300})<",
    re.I,
)
_SHOWN = re.compile(r"(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?:[/:?#]\S*)?", re.I)
_HOST = re.compile(
    r"https?://(?:[^/@?#]*@)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?=[/:?#]|$)", re.I
)


def misleading_links(body: bytes, charset: str | None) -> Iterator[str]:
    """Links whose text is the address of another organisation, as `link shown as another: ...`."""
    for match in islice(_ANCHOR.finditer(body), limits.SHOWN_LINKS):
        shown = _SHOWN.fullmatch(clean(html.unescape(decode(match[3], charset))).strip())
        real = _HOST.match(html.unescape(decode(match[1] or match[2], charset)).strip())
        if shown and real and _organisation(shown[1]) != _organisation(real[1]):
            yield f"link shown as another: {shown[1].lower()[:200]} is {real[1].lower()[:200]}"


def _organisation(host: str) -> str:
    """The last two labels, or three where the last but one is as short as co or ac."""
    labels = host.lower().split(".")
    return ".".join(labels[-3 if len(labels[-1]) == 2 and len(labels[-2]) <= 3 else -2 :])


def _of_attribute(raw: bytes, charset: str | None) -> str | None:
    # Browsers drop line ends and tabs inside a URL, which is used to split tell-tale words.
    url = clean(re.sub(r"[\t\r\n]", "", html.unescape(decode(raw, charset))))
    if url.startswith("//"):
        url = "http:" + url
    return url[: limits.LINK_CHARACTERS] if _SCHEME.match(url) else None


def _trim(url: str) -> str:
    url = url.rstrip(".,;:!?'*_")
    for opening, closing in ("()", "[]"):
        # A sentence in brackets closes behind the URL, which may hold pairs of its own.
        surplus = url.count(closing) - url.count(opening)
        trailing = len(url) - len(url.rstrip(closing))
        if surplus > 0 and trailing > 0:
            url = url[: len(url) - min(surplus, trailing)].rstrip(".,;:!?")
    return url[: limits.LINK_CHARACTERS]

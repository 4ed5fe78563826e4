"""Pages and PDF files: what rebuilds a file in the browser, asks for a password, or runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MOST_BYTES = 4 * 1024 * 1024
_PAGE = re.compile(
    rb"\A\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|script|svg|\?xml|!--|meta|form|div|table)",
    re.I,
)
_SCRIPT = re.compile(rb"<script|\bon(?:load|error|click|begin)\s*=|javascript:", re.I)
_REBUILDS = (
    re.compile(rb"new\s+Blob\s*\(|msSaveOrOpenBlob|createObjectURL|new\s+File\s*\(", re.I),
    re.compile(
        rb"\batob\s*\(|fromCharCode|Uint8Array|unescape\s*\(|charCodeAt|decodeURIComponent\s*\(",
        re.I,
    ),
    re.compile(
        rb"\.download\s*=|\.click\s*\(\)|navigator\.msSave|href\s*=\s*[\"']?data:application", re.I
    ),
)
_LONG_TEXT = re.compile(
    rb"[A-Za-z0-9+/=]{4096}|(?:%[0-9a-fA-F]{2}){1024}|(?:\\x[0-9a-fA-F]{2}){1024}"
)
_PASSWORD = re.compile(rb"<input[^>]{0,400}type\s*=\s*[\"']?password", re.I)
_HIDDEN_PAGE = re.compile(rb"document\.write\s*\(\s*(?:unescape|atob|decodeURIComponent)", re.I)
_EMBEDDED = re.compile(
    rb"data:application/(?:octet-stream|zip|x-)[^,]{0,60};base64,[A-Za-z0-9+/]{200}", re.I
)
_PDF = {
    "document that runs a script": re.compile(
        rb"/(?:JavaScript|JS)\b[\s\S]{0,4000}?/OpenAction"
        rb"|/OpenAction[\s\S]{0,4000}?/(?:JavaScript|JS)\b"
    ),
    "document that starts a program": re.compile(rb"/Launch\b[\s\S]{0,200}?/(?:Win|F)\b"),
    "document with a file inside": re.compile(rb"/EmbeddedFile\b"),
    "locked document": re.compile(rb"/Encrypt\s+\d+\s+\d+\s+R"),
}  # fmt: skip


def is_page(content: bytes) -> bool:
    """True for what a browser would show as a page or an SVG picture."""
    return _PAGE.match(content[:4096]) is not None


def look_at_page(content: bytes) -> Iterator[str]:
    """Findings of a page."""
    text = content[:_MOST_BYTES]
    has_script = _SCRIPT.search(text) is not None
    signs = sum(pattern.search(text) is not None for pattern in _REBUILDS)
    rebuilds = signs >= 2 and (signs == len(_REBUILDS) or _LONG_TEXT.search(text) is not None)
    if (has_script and rebuilds) or _EMBEDDED.search(text):
        yield "page that rebuilds a file"
    elif has_script and (_HIDDEN_PAGE.search(text) or (signs and _LONG_TEXT.search(text))):
        yield "page hidden in a script"
    if _PASSWORD.search(text):
        yield "page that asks for a password"


def look_at_pdf(content: bytes) -> Iterator[str]:
    """Findings of a PDF file, as far as its objects are not compressed."""
    text = content[:_MOST_BYTES]
    for finding, pattern in _PDF.items():
        if pattern.search(text):
            yield finding

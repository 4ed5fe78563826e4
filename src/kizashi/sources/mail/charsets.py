"""Bytes to text, whatever they claim to be: lying charsets, raw 8-bit headers, encoded words.

Never raises. A character set is read as the superset that senders mean by it, else guessed; what is
left becomes U+FFFD.
"""

from __future__ import annotations

import binascii
import re
from itertools import groupby

# What mail software writes under these names is in truth the superset.
SUPERSETS = {
    "usascii": "utf-8",
    "ascii": "utf-8",
    "iso88591": "cp1252",
    "latin1": "cp1252",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "xsjis": "cp932",
    "mskanji": "cp932",
    "windows31j": "cp932",
    "cswindows31j": "cp932",
    "xeucjp": "euc_jp",
    "cp51932": "euc_jp",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "big5": "big5hkscs",
    "ksc56011987": "cp949",
    "ksc5601": "cp949",
    "euckr": "cp949",
    "utf8": "utf-8",
}
# Names that Python knows and mail does not: they interpret the bytes, some in quadratic time.
_NO_CHARSET = re.compile(
    r"idna|punycode|unicode.?escape|raw|undefined|mbcs|oem|bz2|zlib|zip|hex|rot|uu|quopri|base64"
)
_CHARSET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:()+-]{0,39}")
_JIS = re.compile(rb"\x1b(\$@|\$B|\$\(D|\(B|\(J|\(I|\(H)")
_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?(.{0,2000}?)\?=", re.S)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
_SPACE = re.compile(r"\s+")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_NOT_BASE64 = re.sub(rb"[A-Za-z0-9+/]", b"", bytes(range(256)))
_GUESSES = ("cp932", "euc_jp", "gb18030", "cp949")


def clean(text: str) -> str:
    """The text as one line that Arrow and a terminal can hold: no controls, no lone surrogates."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _SPACE.sub(" ", _CONTROL.sub("", text)).strip()


def decode(raw: bytes, charset: str | None = None) -> str:
    """Text of the bytes: by the declared character set where it fits, else by the best guess."""
    if raw.isascii() and b"\x1b" not in raw and not _is_wide(charset):
        return raw.decode("ascii")
    if b"\x1b$" in raw or b"\x1b(I" in raw:
        return _decode_jis(raw)
    declared = _declared(charset)
    if declared is not None:
        text = _strictly(raw, declared)
        if text is not None:
            return text
    return _strictly(raw, "utf-8") or _guess(raw, declared)


def decode_words(text: str) -> str:
    """Text with its encoded words (RFC 2047) decoded, also where they cut a character in two."""
    pieces: list[tuple[str | None, bytes | str]] = []
    end = 0
    for word in _WORD.finditer(text):
        between = text[end : word.start()]
        # White space between two encoded words is folding, not text.
        if between.strip() or (between and not pieces):
            pieces.append((None, between))
        pieces.append((word[1].partition("*")[0].lower(), _word_bytes(word[2], word[3])))
        end = word.end()
    pieces.append((None, text[end:]))
    return "".join(_join(charset, [p[1] for p in run]) for charset, run in _runs(pieces))


def _runs(
    pieces: list[tuple[str | None, bytes | str]],
) -> list[tuple[str | None, list[tuple[str | None, bytes | str]]]]:
    return [(charset, list(run)) for charset, run in groupby(pieces, key=lambda piece: piece[0])]


def _join(charset: str | None, chunks: list[bytes | str]) -> str:
    # Senders cut multi-byte characters between words: join the bytes of one character set first.
    if charset is None:
        return "".join(chunk for chunk in chunks if isinstance(chunk, str))
    return decode(b"".join(chunk for chunk in chunks if isinstance(chunk, bytes)), charset)


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "bB":
        return unbase64(raw)
    return binascii.a2b_qp(raw.replace(b" ", b"_"), header=True)


def unbase64(raw: bytes | memoryview) -> bytes:
    """Decoded base64; stray characters are skipped and missing padding is supplied."""
    try:
        return binascii.a2b_base64(raw)
    except binascii.Error:
        pass
    kept = bytes(raw).translate(None, _NOT_BASE64)
    kept = kept[:-1] if len(kept) % 4 == 1 else kept
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def _declared(charset: str | None) -> str | None:
    if (
        charset is None
        or not _CHARSET_NAME.fullmatch(charset)
        or _NO_CHARSET.search(charset.lower())
    ):
        return None
    return SUPERSETS.get(re.sub(r"[^a-z0-9]", "", charset.lower()), charset)


def _is_wide(charset: str | None) -> bool:
    return charset is not None and charset.lower().startswith(("utf-7", "utf-16", "utf-32", "hz"))


def is_utf8(raw: bytes) -> bool:
    """True when the bytes are well-formed UTF-8."""
    return _strictly(raw, "utf-8") is not None


def _strictly(raw: bytes, charset: str) -> str | None:
    try:
        return raw.decode(charset)
    except (LookupError, UnicodeError, ValueError):
        return None


def _decode_jis(raw: bytes) -> str:
    # Python's codec refuses NEC's and IBM's characters, common in Japanese mail; cp932 has them.
    parts = _JIS.split(raw)
    text = [parts[0].decode("cp932", "replace")]
    for escape, chunk in zip(parts[1::2], parts[2::2], strict=True):
        if escape in (b"$@", b"$B"):
            text.append(_jis_to_sjis(chunk).decode("cp932", "replace"))
        elif escape == b"$(D":
            text.append((b"\x1b$(D" + chunk + b"\x1b(B").decode("iso2022_jp_1", "replace"))
        elif escape == b"(I":
            text.append(bytes(c | 0x80 for c in chunk).decode("cp932", "replace"))
        else:
            text.append(chunk.decode("cp932", "replace"))
    return "".join(text)


def _jis_to_sjis(chunk: bytes) -> bytes:
    # Line ends inside a double-byte run come from broken folding; they are not characters.
    codes = bytes(c for c in chunk if 0x21 <= c <= 0x7E)
    out = bytearray()
    for first, second in zip(codes[::2], codes[1::2], strict=False):
        lead = (first + 1) // 2 + (0x70 if first < 0x5F else 0xB0)
        trail = second + (0x1F if second < 0x60 else 0x20) if first % 2 else second + 0x7E
        out += bytes((lead, trail))
    return bytes(out)


def _guess(raw: bytes, declared: str | None) -> str:
    scored = []
    for order, charset in enumerate(_GUESSES):
        text = _strictly(raw, charset)
        if text is not None:
            scored.append((_plausibility(text), -order, text))
    runs = _HIGH_RUN.findall(raw)
    alone = sum(len(run) == 1 for run in runs)
    # A lone high byte between ASCII letters is an accented letter.
    if scored and max(scored)[0] > alone / max(1, len(runs)):
        return max(scored)[2]
    try:
        return raw.decode(declared or "cp1252", "replace")
    except (LookupError, UnicodeError, ValueError):
        return raw.decode("cp1252", "replace")


def _plausibility(text: str) -> float:
    wide = [c for c in text if ord(c) > 0x7F]
    return sum(map(_weight, wide)) / max(1, len(wide))


def _weight(char: str) -> float:
    code = ord(char)
    if 0x3041 <= code <= 0x30FE:  # kana
        return 1.5
    if 0x4E00 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7A3 or 0x3000 <= code <= 0x3020:
        return 1.0
    return 0.5 if 0xFF01 <= code <= 0xFF5E else -1.0  # full-width forms; else rare or half-width

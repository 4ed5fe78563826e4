"""What one message may cost. Mail is written by strangers, so every limit holds before any parsing.

A message that reaches a limit is stored with `truncated` set; what lies beyond is not read.
"""

from __future__ import annotations

MESSAGE_BYTES = 25 * 1024 * 1024  # what large mail providers accept in one message
PARTS = 1_000  # MIME parts; a mail with many pictures has some dozens
DEPTH = 50  # multiparts and attached messages inside one another
HEADER_BYTES = 256 * 1024  # header block of the message; Postfix accepts 100 KiB by default
PART_HEADER_BYTES = 64 * 1024  # header block of one part
FIELDS = 2_000  # header fields of the message
FIELD_BYTES = 16 * 1024  # one header field that holds no addresses
PARAMETERS = 64  # of one Content-Type; a long name in RFC 2231 pieces takes some twenty
ADDRESS_FIELD_BYTES = 128 * 1024  # all address fields of one kind together
ADDRESSES = 1_000  # recipients
BOUNDARY_LINES = 200_000  # lines that begin with two hyphens and might end a part
TEXT_BYTES = 2 * 1024 * 1024  # decoded text that is searched for links
HASHED_BYTES = (
    50 * 1024 * 1024
)  # encoded content that is decoded and hashed; attached mail counts twice
LINKS = 200
LOOKED_LINKS = 10_000  # places of links that are looked at; a long newsletter has hundreds
OPENED = 20  # attachments that are looked into
OPENED_BYTES = 64 * 1024 * 1024  # of them all, unpacked
MEMBERS = 100  # names inside archives
FINDINGS = 50
SHOWN_LINKS = 2_000  # anchors whose text is compared with their link
LINK_CHARACTERS = 2_048
ATTACHMENTS = 100
NAME_CHARACTERS = 255
SUBJECT_CHARACTERS = 998  # the longest line that RFC 5322 allows
VERDICT_FIELDS = 20  # Authentication-Results and their like
HOPS = 100  # Received fields looked into; all are counted

"""What people and programs are shown: terminal, JSON lines and page, all from a HuntResult."""

from kizashi.report.html import write_html
from kizashi.report.jsonl import write_jsonl
from kizashi.report.terminal import render_terminal, render_unseen

__all__ = ["render_terminal", "render_unseen", "write_html", "write_jsonl"]

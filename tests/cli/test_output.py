"""What commands print of a record: whole, in characters that the stream can hold."""

import io
import json
import sys
import unicodedata

import pytest
from conftest import Cliniko

from cliniko_warehouse.cli.support.output import show
from cliniko_warehouse.sandbox import Served, faults

TEXTS = ["Łukasz 🩺", "a\x9b31mb\x7f", "‮gnp.exe", "\u2028\u200b\ufeff", "\x1b]0;x\x07", "é"]


class Stream(io.TextIOWrapper):
    """A stream of some encoding, on a terminal or not."""

    def __init__(self, encoding: str, on_terminal: bool) -> None:
        self.kept = io.BytesIO()
        self.on_terminal = on_terminal
        super().__init__(self.kept, encoding)

    def isatty(self) -> bool:
        return self.on_terminal


@pytest.mark.parametrize("on_terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_data_arrives_whatever_the_stream_is(
    monkeypatch: pytest.MonkeyPatch, encoding: str, on_terminal: bool
) -> None:
    stream = Stream(encoding, on_terminal)
    monkeypatch.setattr(sys, "stdout", stream)

    show({"texts": TEXTS, "half": "\ud83d"})
    stream.flush()

    text = stream.kept.getvalue().decode(encoding)
    assert json.loads(text) == {"texts": TEXTS, "half": "\ud83d"}
    if on_terminal:
        odd = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
        assert set(odd) <= {"\n"}
    elif encoding == "utf-8":
        assert "Łukasz" in text
        assert "‮" in text


def test_an_undecodable_text_is_shown(connected: Served, cliniko: Cliniko) -> None:
    connected.faults.append(faults.replaced((b'"name":"', b'"name":"\xe9'), times=9))

    ended = cliniko("get", "/taxes")

    assert ended.code == 0
    assert ended.data["taxes"][0]["name"].startswith("\udce9")

"""The overview's definitions: every one that a panel folds out is written down."""

import re
from pathlib import Path

from cliniko_warehouse.notebooks import definitions

OVERVIEW = Path(definitions.__file__).with_name("clinic_overview.py").read_text()


def test_every_definition_that_is_shown_exists() -> None:
    calls = re.findall(r"counted\(([^)*]+)\)", OVERVIEW)
    names = re.findall(r'"(\w+)"', " ".join(calls))

    assert len(names) > 8
    for name in names:
        assert definitions.definitions(name).startswith(f"**{name.replace('_', ' ')}**: ")


def test_a_figure_without_definition_says_nothing() -> None:
    assert definitions.definitions("no_such_figure") == ""

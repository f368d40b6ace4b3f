"""Puts pages that stand outside this folder into the built site, and leads links to them."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

OUTSIDE = {
    "definitions.md": "../pipelines/cliniko_warehouse/marts/definitions.md",
    "results.md": "../benchmarks/RESULTS.md",
    "results.svg": "../benchmarks/results.svg",
}
"""Page of the site → the file, seen from the folder of the documentation."""


def on_files(files: Any, *, config: Any) -> None:
    """Add the pages."""
    for page, file in OUTSIDE.items():
        source = Path(config.docs_dir) / file
        files.append(File.generated(config, page, abs_src_path=str(source.resolve())))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links to the files to the pages."""
    for page, file in OUTSIDE.items():
        markdown = markdown.replace(f"]({file}", f"]({page}")
    return markdown

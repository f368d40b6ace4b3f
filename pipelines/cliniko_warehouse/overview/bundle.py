"""The JavaScript that draws Vega-Lite, made from what vl-convert brings: nothing is fetched.

It takes seconds to put together, so it is kept in the user's cache for all starts after.
"""

import tempfile
from importlib.metadata import version
from pathlib import Path

import platformdirs


def vega() -> bytes:
    """vega, vega-lite and vega-embed in one module, which sets `window.vegaEmbed`."""
    kept = _cache() / f"vega-{version('vl-convert-python')}.js"
    try:
        return kept.read_bytes()
    except OSError:
        made = _made()
    _keep(kept, made)
    return made


def _made() -> bytes:
    """Imported here only: a start that finds it in the cache needs no vl-convert."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).encode()


def _keep(file: Path, content: bytes) -> None:
    """Put it there in one step; where nothing can be written, the next start makes it anew."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
            part.write(content)
        Path(part.name).replace(file)
    except OSError:
        return


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir("cliniko", appauthor=False))

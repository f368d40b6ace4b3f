"""URLs of the API: what leads elsewhere is refused, so that the key stays with it."""

import posixpath
import re
from urllib.parse import unquote

import httpx

from ..errors import ConfigError, Malformed


def of_path(root: httpx.URL, path: str) -> httpx.URL:
    """The URL of a path such as `/patients`. Raises ConfigError if it is none of the API's."""
    if not re.fullmatch(r"/[!-~]*", path) or set(path) & set("?#\\"):
        raise ConfigError(f"a path looks like /patients, without a query: {path[:80]!r}")
    try:
        return of_link(root, f"{str(root).rstrip('/')}{path}")
    except Malformed as error:
        raise ConfigError(f"this path leads out of the API: {path[:80]}") from error


def of_link(root: httpx.URL, text: str) -> httpx.URL:
    """A link of an answer, which leads to the API and nowhere else. Raises Malformed.

    The key must not follow a link that a wrong answer makes up.
    """
    elsewhere = Malformed("a link leads out of the API; it is not followed")
    if not isinstance(text, str) or not re.fullmatch(r"[!-\[\]-~]+", text):
        raise elsewhere
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise elsewhere from None
    same = (url.scheme, url.host, url.port) == (root.scheme, root.host, root.port)
    if not same or "@" in text.partition("?")[0] or not _is_under(root, url):
        raise elsewhere
    return url.copy_with(fragment=None)


def prefix(root: httpx.URL) -> str:
    """The root's path without a slash at its end."""
    return root.path.rstrip("/")


def _is_under(root: httpx.URL, url: httpx.URL) -> bool:
    """Whether a URL's path stays under the root's, however it is escaped."""
    path, plain = "", url.path
    while path != plain:
        path, plain = plain, unquote(plain)
    inside = posixpath.normpath(path).startswith(prefix(root) + "/")
    return inside and "\\" not in path and path.isprintable()

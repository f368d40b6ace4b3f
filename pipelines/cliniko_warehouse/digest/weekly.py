"""The digest of a week, from the marts to files."""

from datetime import timedelta
from pathlib import Path

from cliniko.errors import ConfigError
from cliniko_warehouse.digest import charts, figures, page
from cliniko_warehouse.digest.figures import Week
from cliniko_warehouse.metrics import periods
from cliniko_warehouse.metrics.answer import Ask, clock


def weeks(ask: Ask, name: str, *, names: bool) -> list[Week]:
    """The week of each account: the named one, or the last that was over at the build.

    Raises ConfigError for a week that is none, or has not begun.
    """
    now = clock(ask)
    last = now.today - timedelta(days=7)
    period = periods.week(name or periods.name_of(periods.Period(last, last)))
    if period.first > now.today:
        raise ConfigError(f"the week {name} has not begun: the marts are of {now.today}")
    return [figures.week(ask, now, one.name, period, names=names) for one in now.accounts]


def write(found: list[Week], out: Path) -> list[Path]:
    """Write the page and its pictures; the page comes first. Raises ConfigError if it cannot."""
    pictures = {name: made for week in found for name, made in charts.pngs(week).items()}
    stem = f"digest-{periods.name_of(found[0].period)}"
    file = out / f"{stem}.html"
    try:
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(page.page(found, pictures), "utf-8")
        files = [file]
        for name, made in pictures.items():
            files.append(out / f"{stem}-{name}")
            files[-1].write_bytes(made)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written ({error.strerror}): choose --out") from error
    return files

"""A code location of Dagster."""

from cliniko_warehouse.install.installation import Installation, Timetable
from cliniko_warehouse.install.rendered_file import OURS, Written

TEXT = '''\
"""{ours}. Start it in {folder}: dagster dev -f <this file>"""

from pathlib import Path

from cliniko_warehouse.dagster_definitions import location

defs = location(
    at={at!r},
    time_zone={zone!r},
    destination={destination!r},
    state_dir=Path({state_dir!r}),{every}
)
'''


def location(installation: Installation, timetable: Timetable) -> Written:
    """A file of definitions; Dagster's own daemon keeps the time, retries and tells."""
    return Written(
        TEXT.format(
            ours=OURS,
            folder=installation.folder,
            at=timetable.settled(installation).clock,
            zone=timetable.zone,
            destination=installation.destination,
            state_dir=str(installation.state_dir),
            every=f"\n    every={installation.every!r}," if installation.every else "",
        )
    )

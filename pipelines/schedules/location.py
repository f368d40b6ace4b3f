"""A code location of Dagster."""

from pipelines.schedules.plan import Installation, Timetable
from pipelines.schedules.written import OURS, Written

TEXT = '''\
"""{ours}. Start it in {folder}: dagster dev -f <this file>"""

from pathlib import Path

from pipelines.dagster_definitions import location

defs = location(
    at={at!r},
    time_zone={zone!r},
    destination={destination!r},
    state_dir=Path({state_dir!r}),
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
        )
    )

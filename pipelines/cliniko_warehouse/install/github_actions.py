"""A workflow of GitHub Actions."""

from cliniko.errors import ConfigError
from cliniko_warehouse.install.installation import Installation, Timetable
from cliniko_warehouse.install.rendered_file import OURS, Written

LONGEST = 350  # minutes; GitHub ends a job after 360, and a run wants to end by itself

TEXT = """\
# {ours}: .github/workflows/{name}.yml of a repository with this program in it.
# Set the secrets {secrets} there.
name: {name}
on:
  schedule:
    - cron: "{minute} {hour} * * *"  # {clock} {zone} as of today, in UTC
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: {name}
  cancel-in-progress: false
jobs:
  sync:
    runs-on: ubuntu-latest
    timeout-minutes: {longest}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
      - run: pip install {packages} -c constraints.txt
      - run: cliniko sync --destination {destination} --log-format json
        env:
"""


def workflow(installation: Installation, timetable: Timetable) -> Written:
    """The workflow; its runners keep no files, so it needs a destination elsewhere."""
    if installation.destination == "duckdb":
        raise ConfigError(
            "GitHub's runners keep no files from night to night, and a patient's data does not "
            "belong into their caches: use --destination postgres"
        )
    to = installation.destination
    variables = [
        "SOURCES__CLINIKO__API_KEY",
        "SOURCES__CLINIKO__CONTACT_EMAIL",
        f"DESTINATION__{installation.destination.upper()}__CREDENTIALS",
        "ALERTS__WEBHOOK_URL",
        "ALERTS__PING_URL",
    ]
    at = timetable.settled(installation).in_utc()
    text = TEXT.format(
        ours=OURS,
        name=installation.name,
        secrets=", ".join(variables),
        minute=at.minute,
        hour=at.hour,
        clock=timetable.settled(installation).clock,
        zone=timetable.zone,
        longest=LONGEST,
        destination=installation.destination,
        packages="'.[postgres]'" if to == "postgres" else f". 'dlt[{to}]'",
    )
    lines = [f"          {name}: ${{{{ secrets.{name} }}}}" for name in variables]
    return Written(text + "\n".join(lines) + "\n")

"""Variables that other programs may have set, which a build of the marts must not heed."""

from dbt.cli.main import cli

DBT_VARIABLES = {
    name
    for command in [cli, *cli.commands.values()]
    for option in command.params
    for name in ([option.envvar] if isinstance(option.envvar, str) else option.envvar or ())
}
"""What dbt's command line takes from the environment, as its own options say it."""

FOREIGN = {
    **dict.fromkeys(DBT_VARIABLES, "elsewhere"),
    **{name: "true" for name in DBT_VARIABLES if name.endswith(("FULL_REFRESH", "EMPTY", "FAST"))},
    **{"DBT_MACRO_DEBUGGING": "1", "DBT_TARGET_PATH": "/nowhere", "DBT_RECORDER_MODE": "replay"},
    **{"CLINIKO_TARGET": "postgres", "CLINIKO_MARTS_SCHEMA": "elsewhere", "CLINIKO_FILE": "no"},
    **{"CLINIKO_HOST": "192.0.2.1", "CLINIKO_AS_OF": "never", "DBT_ENV_SECRET_CLINIKO": "no"},
    **{"PYTHONSTARTUP": "/nowhere", "PYTHONOPTIMIZE": "2", "PYTHONIOENCODING": "cp1252"},
}
LIBPQ = {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSERVICE", "PGOPTIONS"}
LIBPQ |= {"PGPASSFILE", "PGSERVICEFILE", "PGSSLMODE", "PGDATESTYLE", "PGTZ", "PGCLIENTENCODING"}

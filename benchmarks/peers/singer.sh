#!/usr/bin/env bash
# The Singer tap into target-duckdb, with the state of the run before.
set -euo pipefail
here="$(dirname "$0")"
envs="$ENVS"
echo '{}' >tap.json
echo '{"filepath": "out.duckdb", "default_target_schema": "main_peer", "add_metadata_columns": false, "hard_delete": false}' >target.json
state=()
if [ -s state.json ]; then state=(--state state.json); fi
"$envs/singer/bin/python" "$here/singer_tap.py" --config tap.json "${state[@]}" |
    "$envs/target-duckdb/bin/target-duckdb" --config target.json >states
if [ -s states ]; then tail -n 1 states >state.json; fi

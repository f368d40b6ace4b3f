"""The tables of the ledger."""

from cliniko.endpoints.schema import ACCOUNT, GONE_AT, LOAD_ID, Column, Table
from cliniko_warehouse.change_feed import CHANGES, KINDS

RUNS = Table(
    "_runs",
    "What each run did, a row a run",
    (
        Column("run_id", "text", "The run's name: when it started, and a random end"),
        ACCOUNT,
        Column(
            "kind", "text", "What it read: changes, all, a range of time; or a comparison alone"
        ),
        Column("started_at", "instant", "When it started"),
        Column("finished_at", "instant", "When it ended; null if it was killed"),
        Column("status", "text", "ok, partial (some endpoints failed) or failed"),
        Column("rows", "integer", "Rows read, repeats included; null if it was killed"),
        Column("requests", "integer", "Requests sent to Cliniko, repeats included"),
        Column("throttled", "integer", "How often Cliniko said to wait (429)"),
        Column("message", "text", "What went wrong, if anything"),
        Column("_read_at", "instant", "When this row was written"),
    ),
    primary=("_account", "run_id"),
)


RUN_ENDPOINTS = Table(
    "_run_endpoints",
    "What each run did with each endpoint, a row an endpoint and run",
    (
        Column("run_id", "text", "The run, as in _runs"),
        ACCOUNT,
        Column("endpoint", "text", "The endpoint"),
        Column("status", "text", "ok, not_permitted or failed"),
        Column("rows", "integer", "Rows read, repeats included"),
        Column("requests", "integer", "Requests sent to Cliniko for it"),
        Column("rejected", "integer", "Records of which something is in _rejected"),
        Column("gone", "integer", "Rows found to be gone from the account"),
        Column(
            "compared", "integer", "Rows that the present round of the rolling check has compared"
        ),
        Column(
            "unfilled",
            "integer",
            "Rows read before a new field came, and neither read nor compared since",
        ),
        Column("cursor", "instant", "How far it is read; null before its first row"),
        Column("profile", "text", "The privacy profile that its rows follow"),
        Column("message", "text", "What a reader should know"),
        Column("_read_at", "instant", "When this row was written"),
    ),
    primary=("_account", "run_id", "endpoint"),
)


RECONCILIATION = Table(
    "_reconciliation",
    "How many rows the account and the warehouse have, a row an endpoint, state and run",
    (
        Column("run_id", "text", "The run, as in _runs"),
        ACCOUNT,
        Column("endpoint", "text", "The endpoint"),
        Column("state", "text", "all rows, or those that have the mark named here"),
        Column("account_count", "integer", "Rows that the account has"),
        Column("warehouse_before", "integer", "Rows that the warehouse had when it was compared"),
        Column("warehouse_count", "integer", "Rows that it had once differences were mended"),
        Column("_read_at", "instant", "When this row was written"),
    ),
    primary=("_account", "run_id", "endpoint", "state"),
)


CHANGED = Table(
    CHANGES,
    "Which records runs saw change, a row a record and change; first loads tell none",
    (
        ACCOUNT,
        Column("endpoint", "text", "The endpoint"),
        Column("id", "id", "The record's id"),
        Column(
            "kind",
            "text",
            "What became of the record",
            choices=KINDS,
        ),
        Column("changed_at", "instant", "When Cliniko changed it; null of what is gone or back"),
        Column("seen_at", "instant", "When it was read, or found to be gone"),
        Column("run_id", "text", "The run that saw it, as in _runs; null while that goes on"),
        Column(
            "number",
            "integer",
            "Rises from change to change of an account; null while the run goes on",
        ),
        Column("columns", "json", "Names of the columns that changed; null of a new record"),
    ),
)


FILES = Table(
    "_files",
    "A file behind a record, kept in the state directory's files/ under the hash of its content",
    (
        ACCOUNT,
        Column("endpoint", "text", "patient_attachments, or signatures (of patient forms)"),
        Column("id", "id", "The record's id; of a signature its own"),
        Column("parent_id", "id", "The form that a signature is under; null of attachments"),
        Column("sha256", "text", "Hash of the content, which names the file in files/"),
        Column("bytes", "integer", "How long it is"),
        Column("content_type", "text", "MIME type; empty if nobody says it"),
        Column("fetched_at", "instant", "When it was fetched"),
        Column("record_updated_at", "instant", "The version of the record that it was fetched for"),
        GONE_AT,
        Column("_read_at", "instant", "When this row was written"),
        LOAD_ID,
    ),
    primary=("_account", "endpoint", "id"),
)


LEDGER = (RUNS, RUN_ENDPOINTS, RECONCILIATION, CHANGED)


KILLED = dict.fromkeys(column.name for column in RUNS.columns) | {
    "status": "failed",
    "message": "killed before its end; what it had loaded is kept, the next run went on from there",
}
"""What is known of a run that was killed, besides when it began."""

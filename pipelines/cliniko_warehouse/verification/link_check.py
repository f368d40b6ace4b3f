"""The pairs of a link table, read again, against the warehouse."""

from cliniko.api.client import Client
from cliniko.endpoints.spec import Endpoint
from cliniko.errors import Forbidden, NotFound
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.publish.verification import Difference
from cliniko_warehouse.reconcile.nested_lists import (
    asked_of_each,
    ids_below,
    lists_below,
    refusal,
    stored_links,
)
from cliniko_warehouse.reconcile.not_compared import reason_of
from cliniko_warehouse.verification.certificate import Certificate


def verify_links(
    loader: AccountLoader, client: Client, endpoint: Endpoint, certificate: Certificate
) -> None:
    """Read the list below each record that has one, whole, and compare its ids with the pairs.

    Such lists have no times, so a pair that came or went after the last run is a difference,
    named by the record that has the list.
    """
    stored = stored_links(loader, endpoint)
    answers = asked_of_each(
        [*stored.parents], lambda parent: ids_below(lists_below(client, endpoint, parent))
    )
    if refused := refusal(answers.values()):
        told = certificate.notes if isinstance(refused, Forbidden) else certificate.failures
        told.append(f"{endpoint.name}: not compared ({refused})")
        return
    read = {parent: ids for parent, ids in answers.items() if not isinstance(ids, Exception)}
    for parent, ids in read.items():
        there = stored.live.get(parent, set())
        if ids - there:
            certificate.add([Difference(endpoint.name, "missing", parent)])
        if there - ids:
            certificate.add([Difference(endpoint.name, "extra", parent)])
    certificate.count(sum(map(len, read.values())), len(endpoint.key))
    what = endpoint.links[0].target
    if missing := sum(isinstance(one, NotFound) for one in answers.values()):
        certificate.notes.append(f"{endpoint.name}: not served for {missing} {what}")
    broken = [e for e in answers.values() if isinstance(e, Exception)]
    if broken := [error for error in broken if not isinstance(error, NotFound)]:
        certificate.failures.append(
            f"{endpoint.name}: {len(broken)} of {len(answers)} lists of {what} not read: "
            f"{reason_of(broken[0])}"
        )

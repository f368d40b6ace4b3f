"""What each of Cliniko's lists holds: data only.

To add a list, write its entry in the file of its subject; nothing else is needed.
"""

from .billing import BILLING
from .calendar import CALENDAR
from .clinical import CLINICAL
from .links import LINKS
from .people import PEOPLE
from .practice import PRACTICE
from .spec import Endpoint

SUBJECTS: dict[str, tuple[Endpoint, ...]] = {
    "People": PEOPLE,
    "Calendar": CALENDAR,
    "Billing": BILLING,
    "Clinical": CLINICAL,
    "Practice": PRACTICE,
}
"""The endpoints of each subject."""

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: endpoint for endpoints in SUBJECTS.values() for endpoint in endpoints
}
"""Every endpoint by its name, in the order of the subjects."""

LINK_TABLES: dict[str, Endpoint] = {endpoint.name: endpoint for endpoint in LINKS}
"""The lists below single records by the name of their table; a source alone does not read them."""

ALL_ENDPOINTS: dict[str, Endpoint] = ENDPOINTS | LINK_TABLES
"""All that has tables."""

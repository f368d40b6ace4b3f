"""What each of Cliniko's lists holds: data only.

To add a list, write its entry in the file of its subject; nothing else is needed.
"""

from sources.cliniko.endpoints.billing import BILLING
from sources.cliniko.endpoints.calendar import CALENDAR
from sources.cliniko.endpoints.clinical import CLINICAL
from sources.cliniko.endpoints.people import PEOPLE
from sources.cliniko.endpoints.practice import PRACTICE
from sources.cliniko.model import Endpoint

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: endpoint for endpoint in (*PEOPLE, *CALENDAR, *BILLING, *CLINICAL, *PRACTICE)
}
"""Every endpoint by its name, in the order of the subjects."""

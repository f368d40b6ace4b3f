"""Who can do what where: lists below single records, which nothing else holds.

Such a list has records of another one; a row is the pair of both ids.
"""

from .spec import Endpoint, Link

LINKS = (
    Endpoint(
        "practitioners__appointment_types",
        "An appointment type that a practitioner offers",
        shape="links",
        minimal=True,
        path="/practitioners/{id}/appointment_types",
        links=(
            Link("practitioner", "practitioners", "Practitioner who offers it"),
            Link("appointment_type", "appointment_types", "Kind of appointment"),
        ),
        key=("practitioner_id", "appointment_type_id"),
    ),
    Endpoint(
        "businesses__practitioners",
        "A practitioner who works at a business, or has worked there and is inactive now",
        shape="links",
        minimal=True,
        path="/businesses/{id}/practitioners",
        also=("/businesses/{id}/practitioners/inactive",),
        links=(
            Link("business", "businesses", "Location"),
            Link("practitioner", "practitioners", "Practitioner who works there"),
        ),
        key=("business_id", "practitioner_id"),
    ),
)

"""What `resourceVersion` and `resourceVersionMatch` ask of a get or a list.

| resourceVersion | resourceVersionMatch | answered as of |
| --- | --- | --- |
| not set | not set | now |
| 0 | not set, NotOlderThan | now |
| R | NotOlderThan | now, unless that is before R |
| R | Exact | R |
| R | not set | now, unless that is before R; with `limit`: R, as Kubernetes' first pages are |

Kubernetes' get has no resourceVersionMatch; here it has Exact too. Source of the rules and words:
k8s.io/apimachinery, ValidateListOptions; "Resource versions" in Kubernetes' API concepts.
"""

from kernel.api.causes import Causes
from kernel.api.errors import BadRequest, Invalid, RevisionTooLarge
from kernel.apiserver.parameters import Parameters

MATCHES = ("Exact", "NotOlderThan")


def requested_revision(parameters: Parameters) -> int:
    """The parameter itself; 0 where it is not set. Raises `BadRequest`."""
    text = parameters.text("resourceVersion")
    if text and not (text.isascii() and text.isdigit()):
        raise BadRequest(f'resourceVersion: Invalid value: "{text}": not a revision')
    return int(text) if text else 0


def read_revision(parameters: Parameters, newest_revision: int) -> int | None:
    """The revision to answer as of; None for now.

    Raises `BadRequest`, `Invalid` for what makes no sense together, `RevisionTooLarge`.
    """
    text, match = parameters.text("resourceVersion"), parameters.text("resourceVersionMatch")
    continued = bool(parameters.text("continue"))
    if match:
        _require_match_allowed(text, match, continued=continued)
    revision = requested_revision(parameters)
    if continued and revision:
        raise BadRequest("specifying resource version is not allowed when using continue")
    require_reached(revision, newest_revision)
    first_page = bool(parameters.whole_number("limit"))
    exact = match == "Exact" or (not match and first_page and revision > 0)
    return revision if exact else None


def require_reached(revision: int, newest_revision: int) -> None:
    """Raise `RevisionTooLarge` for what is yet to be written."""
    if revision > newest_revision:
        raise RevisionTooLarge.of(revision, newest_revision)


def _require_match_allowed(revision: str, match: str, *, continued: bool) -> None:
    causes, path = Causes(), "resourceVersionMatch"
    if not revision:
        causes.forbidden(
            path, "resourceVersionMatch is forbidden unless resourceVersion is provided"
        )
    if continued:
        causes.forbidden(path, "resourceVersionMatch is forbidden when continue is provided")
    if match not in MATCHES:
        causes.unsupported(path, match, MATCHES)
    if match == "Exact" and revision == "0":
        causes.forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    if causes.found:
        raise Invalid.of("meta.k8s.io", "ListOptions", "", causes.found)

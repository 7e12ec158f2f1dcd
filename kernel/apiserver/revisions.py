"""What `resourceVersion` and its like ask of a get, a list or a watch.

| resourceVersion | resourceVersionMatch | answered as of |
| --- | --- | --- |
| not set | not set | now |
| 0 | not set, NotOlderThan | now |
| R | NotOlderThan | now, unless that is before R |
| R | Exact | R |
| R | not set | now, unless that is before R; with `limit`: R, as Kubernetes' first pages are |

Kubernetes' get has no resourceVersionMatch; here it has Exact too. Source of the rules and words:
k8s.io/apimachinery's ValidateListOptions; "Resource versions" in Kubernetes' API concepts.
"""

from kernel.api.causes import Causes
from kernel.api.errors import BadRequest, Invalid, RevisionTooLarge
from kernel.apiserver.parameters import Parameters, is_whole_number

MATCHES = ("Exact", "NotOlderThan")

_MATCH, _SEND = "resourceVersionMatch", "sendInitialEvents"


def requested_revision(parameters: Parameters) -> int:
    """The parameter itself; 0 where it is not set. Raises `BadRequest`."""
    text = parameters.text("resourceVersion")
    if text and not is_whole_number(text):
        raise BadRequest(f'resourceVersion: Invalid value: "{text}": not a revision')
    return int(text) if text else 0


def read_revision(parameters: Parameters, newest_revision: int) -> int | None:
    """The revision to answer as of; None for now.

    Raises `BadRequest`, `Invalid` for what makes no sense together, `RevisionTooLarge`.
    """
    match = parameters.text("resourceVersionMatch")
    require_list_options(parameters)
    revision = requested_revision(parameters)
    if revision and parameters.text("continue"):
        raise BadRequest("specifying resource version is not allowed when using continue")
    require_reached(revision, newest_revision)
    first_page = bool(parameters.whole_number("limit"))
    exact = match == "Exact" or (not match and first_page and revision > 0)
    return revision if exact else None


def require_reached(revision: int, newest_revision: int) -> None:
    """Raise `RevisionTooLarge` for what is yet to be written."""
    if revision > newest_revision:
        raise RevisionTooLarge.of(revision, newest_revision)


def require_list_options(parameters: Parameters) -> None:
    """Raise `Invalid` for options of a list that make no sense together."""
    match, sends_initial = parameters.text("resourceVersionMatch"), _sends_initial(parameters)
    if not match and sends_initial is None:
        return
    causes, revision = Causes(), parameters.text("resourceVersion")
    if match and not revision:
        causes.forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
    if match:
        _check_not_continued(parameters, causes)
    if match and match not in MATCHES:
        causes.unsupported(_MATCH, match, MATCHES)
    if match == "Exact" and revision == "0":
        causes.forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"')
    if sends_initial is not None:
        causes.forbidden(_SEND, f"{_SEND} is forbidden for list")
    _require_none(causes)


def watch_start(parameters: Parameters, newest_revision: int) -> int | None:
    """The revision to start a watch after; None to start with what is there.

    Raises `BadRequest`, `Invalid` for what makes no sense together, `RevisionTooLarge`.
    """
    match, sends_initial = parameters.text("resourceVersionMatch"), _sends_initial(parameters)
    if match or sends_initial is not None:
        _require_watch_options(parameters, match, sends_initial)
    revision = requested_revision(parameters)
    if sends_initial is None:
        return revision or None
    require_reached(revision, newest_revision)
    return None if sends_initial else revision or newest_revision


def _require_watch_options(parameters: Parameters, match: str, sends_initial: bool | None) -> None:
    causes = Causes()
    if sends_initial is not None and match != "NotOlderThan":
        causes.forbidden(_MATCH, f"{_SEND} requires setting {_MATCH} to NotOlderThan")
    if match and sends_initial is None:
        causes.forbidden(_MATCH, f"{_MATCH} is forbidden for watch unless {_SEND} is provided")
    if match not in ("", "NotOlderThan"):
        causes.unsupported(_MATCH, match, ("NotOlderThan",))
    if match:
        _check_not_continued(parameters, causes)
    _require_none(causes)


def _check_not_continued(parameters: Parameters, causes: Causes) -> None:
    if parameters.text("continue"):
        causes.forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")


def _sends_initial(parameters: Parameters) -> bool | None:
    return parameters.flag(_SEND) if parameters.texts(_SEND) else None


def _require_none(causes: Causes) -> None:
    if causes.found:
        raise Invalid.of("meta.k8s.io", "ListOptions", "", causes.found)

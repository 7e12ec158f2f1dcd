"""The rules of ControllerRevisions (apps/v1 validation.go)."""

from kernel.api.causes import Causes
from kernel.api.rules.by_kind import KindRules
from kernel.objects.controller_revision import ControllerRevision


def _check(revision: ControllerRevision, causes: Causes) -> None:
    if revision.data is None:
        causes.required("data", "data is mandatory")
    causes.at_least("revision", revision.revision, 0)


def _check_update(new: ControllerRevision, old: ControllerRevision, causes: Causes) -> None:
    if new.data != old.data:
        causes.invalid("data", new.data, "field is immutable")


RULES = {ControllerRevision: KindRules(check=_check, check_update=_check_update)}

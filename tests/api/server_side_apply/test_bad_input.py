"""Whatever is applied, and whatever managers an object claims to have: an object or a refusal."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kernel.api.errors import ApiError, BadRequest, Conflict
from kernel.api.server_side_apply.ownership import Application, FieldOwnership
from kernel.api.stored import Stored, encode
from kernel.api.upcasting import Upcasters
from kernel.clock import ManualClock
from kernel.objects.decoding import decode
from kernel.objects.pod import Pod
from kernel.store.store import Store

pytestmark = pytest.mark.anyio

KEY = "/core/pods/default/web"
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"a": "b"}, "finalizers": ["example.dev/x"]},
    "spec": {
        "containers": [
            {"name": "c", "image": "i", "ports": [{"containerPort": 80}], "env": [{"name": "E"}]}
        ],
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "k"}],
    },
}

texts = st.sampled_from(
    ["", "a", "name", "c", "f:a", "k:{}", "containers", "metadata", "\x00", "é"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 99) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def spoilt(document: Any, place: int, value: Any) -> tuple[Any, int]:
    """A document with `value` at one of its places, counted from its top; and what is left."""
    if place == 0:
        return value, -1
    place -= 1
    if isinstance(document, dict):
        changed: Any = {}
        for key, part in document.items():
            changed[key], place = spoilt(part, place, value) if place >= 0 else (part, place)
        return changed, place
    if isinstance(document, list):
        changed = []
        for part in document:
            item, place = spoilt(part, place, value) if place >= 0 else (part, place)
            changed.append(item)
        return changed, place
    return document, place


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 30), values, st.dictionaries(texts, values, max_size=3))
async def test_anything_can_be_applied_or_is_refused(
    store: Store, clock: ManualClock, place: int, value: Any, fields: Any
) -> None:
    ownership = FieldOwnership(store, clock, Upcasters())
    configuration, _ = spoilt(POD, place, value)
    live = decode(Pod, msgspec.json.encode(POD))
    entry = {"manager": "a", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields}
    live.metadata.managed_fields = msgspec.convert([entry], type(live.metadata.managed_fields))
    for present in (None, Stored(Pod, KEY, 1, encode(live))):
        if not isinstance(configuration, dict):
            continue
        application = Application(configuration, "a")
        try:
            outcome: Any = ownership.applied(Pod, KEY, present, application, "")
        except ApiError as refusal:
            outcome = refusal
        assert isinstance(outcome, Pod | BadRequest | Conflict)

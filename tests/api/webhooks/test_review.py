"""What a webhook answers is read with distrust: any bytes are a verdict, or no answer at all."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.api.webhooks.review import InvalidResponse, Verdict, read_verdict

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["uid", "allowed", "status", "patch", "patchType", "warnings", "message", "code"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def read(body: bytes, version: str = "v1") -> Verdict:
    return read_verdict(body, version=version, uid="1", webhook_name="a.b.c")


def answer(response: Any, version: str = "v1") -> bytes:
    head = {"apiVersion": f"admission.k8s.io/{version}", "kind": "AdmissionReview"}
    return msgspec.json.encode(head | {"response": response})


@given(st.binary(max_size=64) | st.builds(answer, JSON))
def test_any_bytes_are_a_verdict_or_refused(body: bytes) -> None:
    try:
        assert isinstance(read(body), Verdict)
    except InvalidResponse:
        return


@given(JSON)
def test_any_status_makes_a_refusal_that_is_an_error(status: Any) -> None:
    try:
        verdict = read(answer({"uid": "1", "allowed": False, "status": status}))
    except InvalidResponse:
        return
    assert 400 <= verdict.status.code < 600
    assert verdict.status.status not in ("", "Success")
    assert verdict.status.message.startswith('admission webhook "a.b.c" denied the request')


PATCH = base64.b64encode(b'[{"op":"remove","path":"/x"}]').decode()


@pytest.mark.parametrize(
    ("response", "version", "complaint"),
    [
        ({"uid": "2", "allowed": True}, "v1", 'expected response.uid="1", got "2"'),
        ({"allowed": True}, "v1", 'expected response.uid="1", got ""'),
        (None, "v1", "webhook response was absent"),
        ({"uid": "1", "allowed": "yes"}, "v1", "response.allowed: Expected `bool`, got `str`"),
        (
            {"uid": "1", "allowed": True, "patch": PATCH, "patchType": "XML"},
            "v1",
            'webhook returned invalid response.patchType of "XML"',
        ),
        (
            {"uid": "1", "allowed": True, "patchType": "JSONPatch"},
            "v1",
            "webhook returned response.patchType but not response.patch",
        ),
        (
            {"uid": "1", "allowed": True, "patch": "e30=", "patchType": "JSONPatch"},
            "v1",
            "received undecodable patch in webhook response: it is no list",
        ),
        ({"uid": "1"}, "v1beta1", "expected webhook response of admission.k8s.io/v1, Kind="),
    ],
)
def test_what_makes_no_sense_is_named(response: Any, version: str, complaint: str) -> None:
    with pytest.raises(InvalidResponse) as refusal:
        read(answer(response, version))
    assert complaint in str(refusal.value)


def test_the_old_version_needs_neither_uid_nor_type_of_the_patch() -> None:
    verdict = read(answer({"allowed": True, "patch": PATCH}, "v1beta1"), "v1beta1")
    assert verdict.patch == [{"op": "remove", "path": "/x"}]

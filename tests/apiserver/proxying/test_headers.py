"""What a proxy changes of the heads of requests and answers."""

import pytest

from kernel.apiserver.proxying.headers import end_to_end, forwarded, rewritten_location

PREFIX = "/api/v1/namespaces/default/pods/web/proxy"


def test_what_is_of_one_connection_stays_there() -> None:
    sent = [(b"Connection", b"close, X-Own"), (b"x-own", b"1"), (b"TE", b"trailers"), (b"A", b"2")]
    assert end_to_end(sent) == [(b"A", b"2")]


def test_no_credential_is_passed_on() -> None:
    sent = [
        (b"Authorization", b"Bearer secret"),
        (b"Impersonate-User", b"jane"),
        (b"Impersonate-Extra-Scopes", b"all"),
        (b"Cookie", b"kept"),
        (b"X-Forwarded-For", b"10.0.0.1"),
        (b"Content-Encoding", b"gzip"),
    ]
    passed = forwarded(sent, client_address="10.0.0.2", uri="/here", is_unpacked=True)
    assert passed == [
        (b"Cookie", b"kept"),
        (b"X-Forwarded-For", b"10.0.0.1, 10.0.0.2"),
        (b"X-Forwarded-Uri", b"/here"),
    ]
    kept = forwarded(sent, client_address="10.0.0.2", uri="/here", is_unpacked=False)
    assert (b"Content-Encoding", b"gzip") in kept


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/next", f"{PREFIX}/next"),
        ("/next/?a=b#c", f"{PREFIX}/next/?a=b#c"),
        ("/", f"{PREFIX}/"),
        ("next", "next"),
        ("http://10.1.1.1:80/next", f"{PREFIX}/next"),
        ("http://elsewhere/next", "http://elsewhere/next"),
        (f"{PREFIX}/there", f"{PREFIX}/there"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_where_a_redirect_leads_to(location: str, expected: str) -> None:
    hosts = ("10.1.1.1:80", "server")
    assert rewritten_location(location, prefix=PREFIX, hosts=hosts) == expected

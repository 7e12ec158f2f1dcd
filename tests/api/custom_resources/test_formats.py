"""Formats of texts as Kubernetes' libraries have them."""

import pytest

from kernel.api.custom_resources.formats import TEXT_FORMATS


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("uri", "https://example.com/a", "a b"),
        ("email", "a@b.c", "a"),
        ("hostname", "a.example.com", "-a"),
        ("ipv4", "192.0.2.1", "192.0.2.256"),
        ("ipv6", "2001:db8::1", "192.0.2.1"),
        ("cidr", "192.0.2.0/24", "192.0.2.0"),
        ("mac", "01:23:45:67:89:ab", "01:23"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
        ("uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        ("isbn", "978-0321751041", "978-0321751042"),
        ("isbn10", "0321751043", "0321751044"),
        ("creditcard", "4111 1111 1111 1111", "4111"),
        ("hexcolor", "#ffffff", "#fffff"),
        ("rgbcolor", "rgb(255, 0, 1)", "rgb(256,0,1)"),
        ("byte", "YWI=", "a"),
        ("date", "2026-01-31", "2026-02-31"),
        ("datetime", "2026-01-31T00:00:00+01:00", "2026-01-31"),
        ("duration", "1h30m", "soon"),
        ("ssn", "123-45-6789", "1"),
    ],
)
def test_a_format(name: str, good: str, bad: str) -> None:
    assert TEXT_FORMATS[name](good)
    assert not TEXT_FORMATS[name](bad)

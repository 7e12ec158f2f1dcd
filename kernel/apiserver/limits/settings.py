"""The numbers: what the server takes at most from everybody, from one user, from one connection."""

import msgspec

MEBIBYTE = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """Bounds of an API server. A request takes one seat while it is served, a list takes
    `list_seats`: so much more memory and time does it cost (Kubernetes' API Priority and Fairness
    widens lists for the same reason).

    A user who has used `turn_seconds` of one turn of the event loop goes on with one request a
    turn, so that everybody else's come in between. Streams (watches and conversations: exec,
    attach, port-forward, a followed log) take no seat and are counted by themselves.

    Watches that are alike share one look at each change: thousands of them cost little. Those of
    one kind that differ in their selectors each look for themselves, which takes 0.01 to 0.02 ms of
    every change of that kind (measured): `selections_per_user` is how many different ones a user
    may have of one kind, so that a change takes less than 10 ms. A watch of one object by its name
    is found by its key, and is not among them.
    """

    seats: int = 128
    seats_per_user: int = 64
    list_seats: int = 8
    waiting_per_user: int = 1024
    waiting_seconds: float = 15.0
    turn_seconds: float = 0.02
    body_bytes_per_user: int = 96 * MEBIBYTE
    watches_per_user: int = 20_000
    selections_per_user: int = 400
    conversations_per_user: int = 1000
    head_seconds: float = 30.0
    body_seconds: float = 60.0
    stalled_seconds: float = 60.0


LIMITS = Limits()

import json

from hypothesis import given, strategies as st

from kernel.apiserver.streaming.terminal_size import TerminalSizes

SIZES = st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), max_size=8)


@given(SIZES, st.integers(1, 20))
def test_sizes_come_in_any_pieces(sizes: list[tuple[int, int]], length: int) -> None:
    text = "".join(json.dumps({"Width": columns, "Height": rows}) for columns, rows in sizes)
    reader = TerminalSizes()
    pieces = [text[start : start + length] for start in range(0, len(text), length)]
    assert [size for piece in pieces for size in reader.feed(piece.encode())] == sizes


@given(st.binary(max_size=200))
def test_what_is_no_size_is_skipped(data: bytes) -> None:
    assert all(0 <= side <= 65535 for size in TerminalSizes().feed(data) for side in size)


def test_documents_that_are_nested_too_deeply_are_no_sizes() -> None:
    reader = TerminalSizes()
    assert reader.feed(b"[" * 100_000) == []
    assert reader.feed(b'{"Width":80,"Height":24}') == [(80, 24)]

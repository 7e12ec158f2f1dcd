from collections.abc import Callable

import pytest

from kernel.objects import name_syntax

Rule = Callable[[str], list[str]]

RIGHT: dict[Rule, list[str]] = {
    name_syntax.label_name_errors: ["a", "a-b", "0", "a" * 63],
    name_syntax.subdomain_name_errors: ["a", "a.b-c.d", "0.1", "a" * 253],
    name_syntax.service_name_errors: ["a", "a-1", "a" * 63],
    name_syntax.path_segment_errors: ["a", "A b", "..."],
    name_syntax.qualified_name_errors: ["a", "A_b.c-d", "example.com/A", "1", "a" * 63],
    name_syntax.label_value_errors: ["", "a", "A_b.c-d", "a" * 63],
    name_syntax.data_key_errors: ["a", ".a", "A_b.c-d", "a" * 253, "a..b"],
    name_syntax.variable_name_errors: ["A", "a b", "1", "a.b-c", "~"],
    name_syntax.header_name_errors: ["X-A", "a"],
    name_syntax.port_name_errors: ["http", "a-1", "1a", "a" * 15],
}
WRONG: dict[Rule, list[str]] = {
    name_syntax.label_name_errors: ["", "A", "a.b", "-a", "a-", "a_b", "a" * 64, "a\n", "é", "١"],
    name_syntax.subdomain_name_errors: ["", ".", "a.", ".a", "a..b", "A", "a-.b", "a" * 254, "a\n"],
    name_syntax.service_name_errors: ["", "1", "1a", "a.b", "A", "a" * 64],
    name_syntax.path_segment_errors: [".", "..", "a/b", "a%b"],
    name_syntax.qualified_name_errors: ["", "/", "/a", "a/", "a/b/c", "A/b", "-a", "a" * 64, "a\n"],
    name_syntax.label_value_errors: ["-", "a ", "a/b", ".a", "a" * 64, "a\n"],
    name_syntax.data_key_errors: ["", ".", "..", "..a", "a/b", "a b", "a" * 254],
    name_syntax.variable_name_errors: ["", "A=B", "é", "a\n"],
    name_syntax.header_name_errors: ["", "a b", "a:", "é"],
    name_syntax.port_name_errors: ["", "1", "a--b", "-a", "a-", "A", "a_b", "a" * 16],
}


def cases(table: dict[Rule, list[str]]) -> list[tuple[Rule, str]]:
    return [(rule, text) for rule, texts in table.items() for text in texts]


@pytest.mark.parametrize(("rule", "text"), cases(RIGHT))
def test_right_names(rule: Rule, text: str) -> None:
    assert rule(text) == []


@pytest.mark.parametrize(("rule", "text"), cases(WRONG))
def test_wrong_names(rule: Rule, text: str) -> None:
    assert rule(text)


@pytest.mark.parametrize(("port", "right"), [(0, False), (1, True), (65535, True), (65536, False)])
def test_port_numbers(port: int, right: bool) -> None:
    assert (name_syntax.port_number_errors(port) == []) is right

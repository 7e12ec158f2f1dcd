"""Prometheus' text format."""

from kernel.apiserver.monitoring.text import Family, Sample, text_of


def test_a_family_is_told_with_help_type_and_labels() -> None:
    labels = {"name": "e", "le": "+Inf"}
    samples = [Sample(1, {"name": 'a"b\\c\nd'}), Sample(0.5, labels, "_bucket")]
    families = [Family("one", "histogram", "What it is.", samples), Family("two", "gauge", "", [])]
    assert text_of(families) == (
        "# HELP one What it is.\n"
        "# TYPE one histogram\n"
        'one{name="a\\"b\\\\c\\nd"} 1\n'
        'one_bucket{name="e",le="+Inf"} 0.5\n'
    )

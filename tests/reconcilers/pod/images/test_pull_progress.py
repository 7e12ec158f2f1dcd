from kernel.cri.measuring import Download
from kernel.reconcilers.pod.images.pull_progress import PullProgress

MEBIBYTE = 1 << 20


def test_what_is_gone_from_the_list_was_fetched() -> None:
    progress = PullProgress()
    assert progress.see([]) == ""
    assert progress.see([Download("a", 0, 0)]) == ""
    layers = [Download("a", MEBIBYTE, 4 * MEBIBYTE), Download("b", 0, 10 * MEBIBYTE)]
    assert progress.see(layers) == "1.0 MiB of 14.0 MiB"
    assert progress.see([Download("b", 5 * MEBIBYTE // 2, 10 * MEBIBYTE)]) == "6.5 MiB of 14.0 MiB"
    assert progress.see([]) == "14.0 MiB of 14.0 MiB"


def test_a_total_that_nobody_knows_grows_with_what_is_there() -> None:
    assert PullProgress().see([Download("a", MEBIBYTE, 0)]) == "1.0 MiB of 1.0 MiB"

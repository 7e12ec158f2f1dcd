from kernel.cri.runtime import Image
from kernel.reconcilers.node.images import IMAGES_MAX, NAMES_MAX, listed_images


def test_the_largest_come_first_and_not_all_are_listed() -> None:
    images = [Image(id=str(n), tags=(f"web:{n}",), size_bytes=n) for n in range(60)]
    listed = listed_images(images)
    assert len(listed) == IMAGES_MAX
    assert [one.size_bytes for one in listed] == list(range(59, 9, -1))


def test_an_image_without_names_is_left_out_and_one_with_many_is_cut() -> None:
    tags = tuple(f"web:{n}" for n in range(9))
    (listed,) = listed_images([Image(id="1"), Image(id="2", tags=tags, digests=("web@sha256:0",))])
    assert listed.names == ["web@sha256:0", *tags][:NAMES_MAX]

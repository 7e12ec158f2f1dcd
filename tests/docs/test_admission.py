"""docs/admission.md: its program runs, and its manifests are accepted."""

from pathlib import Path

from kernel.api.defaulting import default
from kernel.api.manifest import decode_document, load_manifest
from kernel.api.validation import validate_create
from kernel.objects.kinds import KindTable
from tests.docs.pages import REPOSITORY, blocks, run_program

PAGE = REPOSITORY / "docs/admission.md"


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    (program,) = blocks(PAGE, "python")
    printed = run_program(program, tmp_path)
    assert "\n".join(printed) in PAGE.read_text()
    assert len(printed) == 2


def test_the_manifests_are_accepted() -> None:
    documents = [
        document for text in blocks(PAGE, "yaml") for document in load_manifest(text, PAGE.name)
    ]
    assert len(documents) == 3
    for document in documents:
        obj = decode_document(document, KindTable.core())
        default(obj)
        assert validate_create(obj) == []

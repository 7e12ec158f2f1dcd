"""Makes `*_pb2.py` and `*_pb2.pyi` from the `.proto` files: `python -m kernel.cri.proto.generate`.

Needs grpcio-tools, for protoc.
"""

import base64
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

PROTO_DIRECTORY = Path(__file__).parent
PROTO_FILES = (
    *("containers.proto", "content.proto", "events.proto"),
    *("health.proto", "runtime.proto", "tasks.proto"),
)

_MODULE = '''\
"""Made from {proto} by `python -m kernel.cri.proto.generate`; don't edit."""

from kernel.cri.proto.messages import load_messages

load_messages(
{compiled},
    globals(),
)
'''


# protoc's stubs say `Mapping` without its type arguments.
_STUB_HEADER = '# mypy: disable-error-code="type-arg"\n'


def generate(output_directory: Path) -> list[Path]:
    """Write the modules and stubs of all `.proto` files into a directory; answers their paths."""
    written = []
    for proto in PROTO_FILES:
        with tempfile.TemporaryDirectory() as scratch:
            module, stub = _compile(proto, Path(scratch))
        name = Path(proto).stem
        for path, content in (
            (output_directory / f"{name}_pb2.py", module),
            (output_directory / f"{name}_pb2.pyi", stub),
        ):
            path.write_text(content)
            written.append(path)
    return written


def _compile(proto: str, scratch: Path) -> tuple[str, str]:
    """The Python module and its stub for one file."""
    compiled = scratch / "compiled"
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc"),
            f"--proto_path={PROTO_DIRECTORY}",
            f"--descriptor_set_out={compiled}",
            f"--pyi_out={scratch}",
            proto,
        ],
        check=True,
    )
    (file_proto,) = FileDescriptorSet.FromString(compiled.read_bytes()).file
    encoded = base64.b64encode(file_proto.SerializeToString(deterministic=True)).decode()
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(encoded, 92))
    stub = (scratch / f"{Path(proto).stem}_pb2.pyi").read_text()
    return _MODULE.format(proto=proto, compiled=lines), _STUB_HEADER + stub


if __name__ == "__main__":
    generate(PROTO_DIRECTORY)

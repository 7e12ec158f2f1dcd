"""The committed message modules are what the `.proto` files say."""

import subprocess
import sys
from pathlib import Path

import pytest

from kernel.cri.proto import events_pb2, runtime_pb2
from kernel.cri.proto.generate import PROTO_DIRECTORY, generate


def test_generated_modules_are_up_to_date(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed")
    generated = generate(tmp_path)
    assert {path.name for path in PROTO_DIRECTORY.glob("*_pb2.py*")} == {
        path.name for path in generated
    }
    for path in generated:
        assert path.read_text() == (PROTO_DIRECTORY / path.name).read_text(), path.name


def test_messages_have_cri_s_form_on_the_wire() -> None:
    mapping = runtime_pb2.PortMapping(protocol="UDP", container_port=53, host_port=5300)
    assert mapping.SerializeToString() == b"\x08\x01\x10\x35\x18\xb4\x29"
    envelope = events_pb2.Envelope.FromString(b"\x12\x06k8s.io\x1a\x0b/tasks/exit")
    assert (envelope.namespace, envelope.topic) == ("k8s.io", "/tasks/exit")


def test_another_program_may_have_registered_the_same_names() -> None:
    script = (
        "from google.protobuf import descriptor_pb2, descriptor_pool\n"
        "other = descriptor_pb2.FileDescriptorProto(name='runtime.proto', package='runtime.v1')\n"
        "other.message_type.add(name='Container')\n"
        "descriptor_pool.Default().Add(other)\n"
        "from kernel.cri.proto import runtime_pb2\n"
        "assert runtime_pb2.Container(id='a').id == 'a'\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=PROTO_DIRECTORY.parents[2], check=True)

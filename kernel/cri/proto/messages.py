"""Makes message classes from a compiled `.proto` file, whatever the version of protobuf.

protoc's own Python files refuse to load with a protobuf older than the protoc that wrote them, or
much newer. The compiled form inside them has no such limit, so ours keep that alone. Their pool is
their own too: a program that embeds podkernel may register the same CRI names with other fields.
"""

import base64

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message_factory import GetMessageClass

_pool = DescriptorPool()


def load_messages(compiled: str, namespace: dict[str, object]) -> None:
    """Put the messages, enums and enum values of one file into a module's `namespace`.

    `compiled` is the file's FileDescriptorProto in base64. The file imports no other.
    """
    file_proto = FileDescriptorProto.FromString(base64.b64decode(compiled))
    _pool.Add(file_proto)
    descriptor = _pool.FindFileByName(file_proto.name)
    namespace["DESCRIPTOR"] = descriptor
    for name, message in descriptor.message_types_by_name.items():
        namespace[name] = GetMessageClass(message)
    for name, enum in descriptor.enum_types_by_name.items():
        namespace[name] = EnumTypeWrapper(enum)
        namespace.update({value.name: value.number for value in enum.values})

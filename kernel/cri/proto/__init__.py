"""The messages of CRI v1 and of containerd's event stream: `.proto` files and what is made of them.

`runtime_pb2.py`, `events_pb2.py` and their type stubs are made by
`python -m kernel.cri.proto.generate`; don't edit them.
"""

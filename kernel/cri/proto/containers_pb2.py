"""Made from containers.proto by `python -m kernel.cri.proto.generate`; don't edit."""

from kernel.cri.proto.messages import load_messages

load_messages(
    "ChBjb250YWluZXJzLnByb3RvEiFjb250YWluZXJkLnNlcnZpY2VzLmNvbnRhaW5lcnMudjEiOwoIQW55VmFsdWUSGQoI"
    "dHlwZV91cmwYASABKAlSB3R5cGVVcmwSFAoFdmFsdWUYAiABKAxSBXZhbHVlIiUKE0dldENvbnRhaW5lclJlcXVlc3QS"
    "DgoCaWQYASABKAlSAmlkImIKFEdldENvbnRhaW5lclJlc3BvbnNlEkoKCWNvbnRhaW5lchgBIAEoCzIsLmNvbnRhaW5l"
    "cmQuc2VydmljZXMuY29udGFpbmVycy52MS5Db250YWluZXJSCWNvbnRhaW5lciJcCglDb250YWluZXISDgoCaWQYASAB"
    "KAlSAmlkEj8KBHNwZWMYBSABKAsyKy5jb250YWluZXJkLnNlcnZpY2VzLmNvbnRhaW5lcnMudjEuQW55VmFsdWVSBHNw"
    "ZWMyhAEKCkNvbnRhaW5lcnMSdgoDR2V0EjYuY29udGFpbmVyZC5zZXJ2aWNlcy5jb250YWluZXJzLnYxLkdldENvbnRh"
    "aW5lclJlcXVlc3QaNy5jb250YWluZXJkLnNlcnZpY2VzLmNvbnRhaW5lcnMudjEuR2V0Q29udGFpbmVyUmVzcG9uc2Vi"
    "BnByb3RvMw==",
    globals(),
)

"""Made from tasks.proto by `python -m kernel.cri.proto.generate`; don't edit."""

from kernel.cri.proto.messages import load_messages

load_messages(
    "Cgt0YXNrcy5wcm90bxIcY29udGFpbmVyZC5zZXJ2aWNlcy50YXNrcy52MSIHCgVFbXB0eSJzCgtLaWxsUmVxdWVzdBIh"
    "Cgxjb250YWluZXJfaWQYASABKAlSC2NvbnRhaW5lcklkEhcKB2V4ZWNfaWQYAiABKAlSBmV4ZWNJZBIWCgZzaWduYWwY"
    "AyABKA1SBnNpZ25hbBIQCgNhbGwYBCABKAhSA2FsbCI2ChFEZWxldGVUYXNrUmVxdWVzdBIhCgxjb250YWluZXJfaWQY"
    "ASABKAlSC2NvbnRhaW5lcklkIlMKDkRlbGV0ZVJlc3BvbnNlEg4KAmlkGAEgASgJUgJpZBIQCgNwaWQYAiABKA1SA3Bp"
    "ZBIfCgtleGl0X3N0YXR1cxgDIAEoDVIKZXhpdFN0YXR1czLIAQoFVGFza3MSVgoES2lsbBIpLmNvbnRhaW5lcmQuc2Vy"
    "dmljZXMudGFza3MudjEuS2lsbFJlcXVlc3QaIy5jb250YWluZXJkLnNlcnZpY2VzLnRhc2tzLnYxLkVtcHR5EmcKBkRl"
    "bGV0ZRIvLmNvbnRhaW5lcmQuc2VydmljZXMudGFza3MudjEuRGVsZXRlVGFza1JlcXVlc3QaLC5jb250YWluZXJkLnNl"
    "cnZpY2VzLnRhc2tzLnYxLkRlbGV0ZVJlc3BvbnNlYgZwcm90bzM=",
    globals(),
)

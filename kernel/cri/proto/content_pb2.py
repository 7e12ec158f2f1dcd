"""Made from content.proto by `python -m kernel.cri.proto.generate`; don't edit."""

from kernel.cri.proto.messages import load_messages

load_messages(
    "Cg1jb250ZW50LnByb3RvEh5jb250YWluZXJkLnNlcnZpY2VzLmNvbnRlbnQudjEiLwoTTGlzdFN0YXR1c2VzUmVxdWVz"
    "dBIYCgdmaWx0ZXJzGAEgAygJUgdmaWx0ZXJzIloKFExpc3RTdGF0dXNlc1Jlc3BvbnNlEkIKCHN0YXR1c2VzGAEgAygL"
    "MiYuY29udGFpbmVyZC5zZXJ2aWNlcy5jb250ZW50LnYxLlN0YXR1c1IIc3RhdHVzZXMiSAoGU3RhdHVzEhAKA3JlZhgD"
    "IAEoCVIDcmVmEhYKBm9mZnNldBgEIAEoA1IGb2Zmc2V0EhQKBXRvdGFsGAUgASgDUgV0b3RhbDKEAQoHQ29udGVudBJ5"
    "CgxMaXN0U3RhdHVzZXMSMy5jb250YWluZXJkLnNlcnZpY2VzLmNvbnRlbnQudjEuTGlzdFN0YXR1c2VzUmVxdWVzdBo0"
    "LmNvbnRhaW5lcmQuc2VydmljZXMuY29udGVudC52MS5MaXN0U3RhdHVzZXNSZXNwb25zZWIGcHJvdG8z",
    globals(),
)

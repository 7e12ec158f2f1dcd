"""Made from events.proto by `python -m kernel.cri.proto.generate`; don't edit."""

from kernel.cri.proto.messages import load_messages

load_messages(
    "CgxldmVudHMucHJvdG8SHWNvbnRhaW5lcmQuc2VydmljZXMuZXZlbnRzLnYxIgcKBUVtcHR5IjsKCEFueUV2ZW50EhkK"
    "CHR5cGVfdXJsGAEgASgJUgd0eXBlVXJsEhQKBXZhbHVlGAIgASgMUgV2YWx1ZSJlCg5QdWJsaXNoUmVxdWVzdBIUCgV0"
    "b3BpYxgBIAEoCVIFdG9waWMSPQoFZXZlbnQYAiABKAsyJy5jb250YWluZXJkLnNlcnZpY2VzLmV2ZW50cy52MS5BbnlF"
    "dmVudFIFZXZlbnQiLAoQU3Vic2NyaWJlUmVxdWVzdBIYCgdmaWx0ZXJzGAEgAygJUgdmaWx0ZXJzIn0KCEVudmVsb3Bl"
    "EhwKCW5hbWVzcGFjZRgCIAEoCVIJbmFtZXNwYWNlEhQKBXRvcGljGAMgASgJUgV0b3BpYxI9CgVldmVudBgEIAEoCzIn"
    "LmNvbnRhaW5lcmQuc2VydmljZXMuZXZlbnRzLnYxLkFueUV2ZW50UgVldmVudCJACglUYXNrU3RhcnQSIQoMY29udGFp"
    "bmVyX2lkGAEgASgJUgtjb250YWluZXJJZBIQCgNwaWQYAiABKA1SA3BpZCJwCghUYXNrRXhpdBIhCgxjb250YWluZXJf"
    "aWQYASABKAlSC2NvbnRhaW5lcklkEg4KAmlkGAIgASgJUgJpZBIQCgNwaWQYAyABKA1SA3BpZBIfCgtleGl0X3N0YXR1"
    "cxgEIAEoDVIKZXhpdFN0YXR1cyIsCgdUYXNrT09NEiEKDGNvbnRhaW5lcl9pZBgBIAEoCVILY29udGFpbmVySWQy0QEK"
    "BkV2ZW50cxJeCgdQdWJsaXNoEi0uY29udGFpbmVyZC5zZXJ2aWNlcy5ldmVudHMudjEuUHVibGlzaFJlcXVlc3QaJC5j"
    "b250YWluZXJkLnNlcnZpY2VzLmV2ZW50cy52MS5FbXB0eRJnCglTdWJzY3JpYmUSLy5jb250YWluZXJkLnNlcnZpY2Vz"
    "LmV2ZW50cy52MS5TdWJzY3JpYmVSZXF1ZXN0GicuY29udGFpbmVyZC5zZXJ2aWNlcy5ldmVudHMudjEuRW52ZWxvcGUw"
    "AWIGcHJvdG8z",
    globals(),
)

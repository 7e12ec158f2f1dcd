"""From which point on a node defends its disk and memory; the numbers are the kubelet's."""

import msgspec


class NodeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a node allows. Names and defaults are those of a KubeletConfiguration
    (https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1), with units.

    `container_log_bytes_max` and `container_log_files_max` bound the log of one attempt of a
    container, which is looked at every `container_log_check_seconds`. Images that nobody uses go
    once `image_gc_high_threshold_percent` of their file system is taken, until
    `image_gc_low_threshold_percent` is, if they have been there for `image_gc_age_seconds_min`. The
    rest says when the node's conditions MemoryPressure, DiskPressure and PIDPressure are true:
    fewer free bytes or a smaller free part than that, and then for `pressure_transition_seconds`
    longer; and when it is not ready: its runtime has been silent for `runtime_down_seconds`. This
    is looked at every `node_check_seconds`, and images every `image_gc_check_seconds`.
    """

    container_log_bytes_max: int = 10 << 20
    container_log_files_max: int = 5
    container_log_check_seconds: float = 10
    parallel_image_pulls_max: int = 5
    image_gc_high_threshold_percent: float = 85
    image_gc_low_threshold_percent: float = 80
    image_gc_age_seconds_min: float = 120
    memory_available_bytes_min: int = 100 << 20
    disk_available_percent_min: float = 10
    disk_inodes_free_percent_min: float = 5
    image_disk_available_percent_min: float = 15
    process_ids_available_percent_min: float = 0
    pressure_transition_seconds: float = 300
    runtime_down_seconds: float = 30
    node_check_seconds: float = 10
    image_gc_check_seconds: float = 300

    def __post_init__(self) -> None:
        """Raises `ValueError` where the numbers make no sense together."""
        if self.container_log_files_max < 2:
            raise ValueError("container_log_files_max is at least 2: one is written to")
        if self.container_log_bytes_max < 1 or self.parallel_image_pulls_max < 1:
            raise ValueError("container_log_bytes_max and parallel_image_pulls_max are at least 1")
        low, high = self.image_gc_low_threshold_percent, self.image_gc_high_threshold_percent
        if not 0 <= low < high <= 100:
            raise ValueError(
                "image_gc_low_threshold_percent must be less than image_gc_high_threshold_percent,"
                " and both lie between 0 and 100"
            )


NODE_LIMITS = NodeLimits()
"""The kubelet's."""

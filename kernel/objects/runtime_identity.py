"""What the runtime knows a Pod by."""

import re

from kernel.objects.pod import Pod

CONFIG_HASH = "kubernetes.io/config.hash"
"""The annotation of a mirror Pod: the hash of the static Pod's file, which is its runtime uid."""

POD_UID = "io.kubernetes.pod.uid"
"""The label of sandboxes and containers that names the Pod they belong to, by its runtime uid."""

# Directories are named after it. What has come past the API's rules (an old backup, a hook) is not
# to lead anywhere else.
_HASH = re.compile(r"[A-Za-z0-9-]+")


def runtime_uid(pod: Pod) -> str:
    """The uid that sandboxes and containers of `pod` carry.

    Of a mirror Pod it is the static Pod's hash, so that a mirror that was deleted and made anew
    finds its containers running.
    """
    config_hash = pod.metadata.annotations.get(CONFIG_HASH, "")
    return config_hash if _HASH.fullmatch(config_hash) else pod.metadata.uid

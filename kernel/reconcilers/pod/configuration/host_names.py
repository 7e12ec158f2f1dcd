"""What a Pod is called in its own network (pure).

https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
"""

from kernel.objects.pod import Pod
from kernel.reconcilers.pod.configuration.environment import ConfigError

CLUSTER_DOMAIN = "cluster.local"
HOSTNAME_LENGTH_MAX = 63
# The kernel's limit (__NEW_UTS_LEN), which is one more than that of a label in DNS.
DOMAIN_HOSTNAME_LENGTH_MAX = 64


def hostname(pod: Pod) -> str:
    """What the Pod takes itself to be called, without a domain."""
    if pod.spec.hostname_override:
        return pod.spec.hostname_override
    return (pod.spec.hostname or pod.metadata.name)[:HOSTNAME_LENGTH_MAX].rstrip("-.")


def domain_name(pod: Pod) -> str:
    """The whole name, `web.apps.default.svc.cluster.local`; empty where no subdomain is given."""
    if not pod.spec.subdomain or pod.spec.hostname_override:
        return ""
    zone = f"{pod.metadata.namespace}.svc.{CLUSTER_DOMAIN}"
    return f"{hostname(pod)}.{pod.spec.subdomain}.{zone}"


def sandbox_hostname(pod: Pod) -> str:
    """What `hostname` prints in the Pod. Raises `ConfigError` where `setHostnameAsFQDN` asks for a
    name that the kernel has no room for."""
    whole = domain_name(pod)
    if not pod.spec.set_hostname_as_fqdn or not whole:
        return hostname(pod)
    if len(whole) > DOMAIN_HOSTNAME_LENGTH_MAX:
        raise ConfigError(
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {whole} is too"
            f" long ({DOMAIN_HOSTNAME_LENGTH_MAX} characters is the max, {len(whole)} characters"
            " requested)"
        )
    return whole

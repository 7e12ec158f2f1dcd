"""The rules of NetworkPolicies (networking/v1 defaults.go and validation.go)."""

from kernel.api.causes import Causes
from kernel.api.rules.addresses import parsed_range, range_errors
from kernel.api.rules.by_kind import KindRules
from kernel.api.rules.core import PROTOCOLS
from kernel.api.rules.workloads import check_label_selector
from kernel.objects.name_syntax import port_name_errors, port_number_errors
from kernel.objects.networking import (
    IPBlock,
    NetworkPolicy,
    NetworkPolicyPeer,
    NetworkPolicyPort,
)

_TYPES = ("Ingress", "Egress")


def _default(policy: NetworkPolicy) -> None:
    spec = policy.spec
    ports = [port for rule in spec.ingress for port in rule.ports]
    ports += [port for rule in spec.egress for port in rule.ports]
    for port in ports:
        port.protocol = port.protocol or "TCP"
    if not spec.policy_types:
        spec.policy_types = ["Ingress", "Egress"] if spec.egress else ["Ingress"]


def _check(policy: NetworkPolicy, causes: Causes) -> None:
    spec = policy.spec
    check_label_selector(spec.pod_selector, "spec.podSelector", causes)
    for index, ingress in enumerate(spec.ingress):
        path = f"spec.ingress[{index}]"
        _check_ports(ingress.ports, path, causes)
        for peer_index, peer in enumerate(ingress.from_):
            _check_peer(peer, f"{path}.from[{peer_index}]", causes)
    for index, egress in enumerate(spec.egress):
        path = f"spec.egress[{index}]"
        _check_ports(egress.ports, path, causes)
        for peer_index, peer in enumerate(egress.to):
            _check_peer(peer, f"{path}.to[{peer_index}]", causes)
    if len(spec.policy_types) > len(_TYPES):
        rule = "may not specify more than two policyTypes"
        causes.invalid("spec.policyTypes", spec.policy_types, rule)
        return
    for index, policy_type in enumerate(spec.policy_types):
        if policy_type not in _TYPES:
            causes.unsupported(f"spec.policyTypes[{index}]", policy_type, _TYPES)


def _check_ports(ports: list[NetworkPolicyPort], path: str, causes: Causes) -> None:
    for index, port in enumerate(ports):
        _check_port(port, f"{path}.ports[{index}]", causes)


def _check_port(port: NetworkPolicyPort, path: str, causes: Causes) -> None:
    if port.protocol not in PROTOCOLS:
        causes.unsupported(f"{path}.protocol", port.protocol, ("TCP", "UDP", "SCTP"))
    first, last = port.port, port.end_port
    if isinstance(first, int):
        causes.invalid(f"{path}.port", first, *port_number_errors(first))
        if last is not None:
            if last < first:
                rule = "must be greater than or equal to `port`"
                causes.invalid(f"{path}.endPort", last, rule)
            causes.invalid(f"{path}.endPort", last, *port_number_errors(last))
        return
    if last is not None:
        reason = "not specified" if first is None else "non-numeric"
        causes.invalid(f"{path}.endPort", last, f"may not be specified when `port` is {reason}")
    if first is not None:
        causes.invalid(f"{path}.port", first, *port_name_errors(first))


def _check_peer(peer: NetworkPolicyPeer, path: str, causes: Causes) -> None:
    for name, selector in (
        ("podSelector", peer.pod_selector),
        ("namespaceSelector", peer.namespace_selector),
    ):
        if selector is not None:
            check_label_selector(selector, f"{path}.{name}", causes)
    has_selector = peer.pod_selector is not None or peer.namespace_selector is not None
    if peer.ip_block is not None:
        _check_block(peer.ip_block, f"{path}.ipBlock", causes)
        if has_selector:
            causes.forbidden(path, "may not specify both ipBlock and another peer")
    elif not has_selector:
        causes.required(path, "must specify a peer")


def _check_block(block: IPBlock, path: str, causes: Causes) -> None:
    if not block.cidr:
        causes.required(f"{path}.cidr")
        return
    causes.invalid(f"{path}.cidr", block.cidr, *range_errors(block.cidr))
    whole = parsed_range(block.cidr)
    for index, text in enumerate(block.except_):
        here = f"{path}.except[{index}]"
        causes.invalid(here, text, *range_errors(text))
        part = parsed_range(text)
        if whole is None or part is None:
            continue
        is_inside = part.network_address in whole and part.prefixlen > whole.prefixlen
        if not is_inside:
            causes.invalid(here, text, "must be a strict subset of `cidr`")


RULES = {NetworkPolicy: KindRules(_default, _check)}

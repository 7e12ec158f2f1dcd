"""The rules of Ingresses and their classes (networking/v1 defaults.go and validation.go)."""

import re

from kernel.api.causes import Causes
from kernel.api.rules.addresses import parsed_address
from kernel.api.rules.by_kind import KindRules
from kernel.objects.name_syntax import (
    label_name_errors,
    path_segment_errors,
    port_name_errors,
    port_number_errors,
    service_name_errors,
    subdomain_name_errors,
    wildcard_name_errors,
)
from kernel.objects.networking import (
    HTTPIngressPath,
    Ingress,
    IngressBackend,
    IngressClass,
    IngressClassParametersReference,
    IngressServiceBackend,
)

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
CONTROLLER_BYTES_MAX = 250

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_SEQUENCES_REFUSED = ("//", "/./", "/../", "%2f", "%2F")
_ENDS_REFUSED = ("/..", "/.")
_SCOPES = ("Cluster", "Namespace")
_CONTROLLER_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"


def _check_ingress(ingress: Ingress, causes: Causes) -> None:
    spec = ingress.spec
    if not spec.rules and spec.default_backend is None:
        causes.invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if spec.default_backend is not None:
        _check_backend(spec.default_backend, "spec.defaultBackend", causes)
    for index, rule in enumerate(spec.rules):
        path = f"spec.rules[{index}]"
        if rule.host:
            if parsed_address(rule.host) is not None:
                words = "must be a DNS name, not an IP address"
                causes.invalid(f"{path}.host", rule.host, words)
            causes.invalid(f"{path}.host", rule.host, *_host_errors(rule.host))
        if rule.http is not None:
            if not rule.http.paths:
                causes.required(f"{path}.http.paths")
            for path_index, one in enumerate(rule.http.paths):
                _check_path(one, f"{path}.http.paths[{path_index}]", causes)
    for index, tls in enumerate(spec.tls):
        path = f"spec.tls[{index}]"
        for host_index, host in enumerate(tls.hosts):
            causes.invalid(f"{path}.hosts[{host_index}]", host, *_host_errors(host))
        if tls.secret_name:
            errors = subdomain_name_errors(tls.secret_name)
            causes.invalid(f"{path}.secretName", tls.secret_name, *errors)
    name = spec.ingress_class_name
    if name is not None:
        causes.invalid("spec.ingressClassName", name, *subdomain_name_errors(name))
        annotated = ingress.metadata.annotations.get(CLASS_ANNOTATION, name)
        if annotated != name and not ingress.metadata.resource_version:
            words = "must match `ingressClassName` when both are specified"
            causes.invalid(f"annotations.{CLASS_ANNOTATION}", annotated, words)


def _host_errors(host: str) -> list[str]:
    return wildcard_name_errors(host) if "*" in host else subdomain_name_errors(host)


def _check_path(path: HTTPIngressPath, where: str, causes: Causes) -> None:
    if path.path_type is None:
        causes.required(f"{where}.pathType", "pathType must be specified")
        return
    if path.path_type not in _PATH_TYPES:
        causes.unsupported(f"{where}.pathType", path.path_type, _PATH_TYPES)
    elif not path.path.startswith("/") and (
        path.path or path.path_type != "ImplementationSpecific"
    ):
        causes.invalid(f"{where}.path", path.path, "must be an absolute path")
    if path.path_type in ("Exact", "Prefix"):
        for refused in _SEQUENCES_REFUSED:
            if refused in path.path:
                causes.invalid(f"{where}.path", path.path, f"must not contain '{refused}'")
        for refused in _ENDS_REFUSED:
            if path.path.endswith(refused):
                causes.invalid(f"{where}.path", path.path, f"cannot end with '{refused}'")
    _check_backend(path.backend, f"{where}.backend", causes)


def _check_backend(backend: IngressBackend, path: str, causes: Causes) -> None:
    resource, service = backend.resource, backend.service
    if resource is not None and service is not None:
        causes.invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        _check_reference(
            resource.api_group, resource.kind, resource.name, f"{path}.resource", causes
        )
    elif service is not None:
        _check_service(service, path, causes)
    else:
        causes.invalid(path, "", "resource or service backend is required")


def _check_service(service: IngressServiceBackend, path: str, causes: Causes) -> None:
    if service.name:
        causes.invalid(f"{path}.service.name", service.name, *service_name_errors(service.name))
    else:
        causes.required(f"{path}.service.name")
    name, number = service.port.name, service.port.number
    if name and number:
        causes.invalid(path, "", "cannot set both port name & port number")
    elif name:
        causes.invalid(f"{path}.service.port.name", name, *port_name_errors(name))
    elif number:
        causes.invalid(f"{path}.service.port.number", number, *port_number_errors(number))
    else:
        causes.required(path, "port name or number is required")


def _check_reference(
    api_group: str | None, kind: str, name: str, path: str, causes: Causes
) -> None:
    if api_group is not None:
        causes.invalid(f"{path}.apiGroup", api_group, *subdomain_name_errors(api_group))
    for field, text in (("kind", kind), ("name", name)):
        if text:
            causes.invalid(f"{path}.{field}", text, *path_segment_errors(text))
        else:
            causes.required(f"{path}.{field}")


def _default_class(ingress_class: IngressClass) -> None:
    parameters = ingress_class.spec.parameters
    if parameters is not None and parameters.scope is None:
        parameters.scope = "Cluster"


def _check_class(ingress_class: IngressClass, causes: Causes) -> None:
    controller = ingress_class.spec.controller
    if not controller:
        causes.required("spec.controller")
    else:
        if len(controller.encode()) > CONTROLLER_BYTES_MAX:
            causes.too_long("spec.controller", CONTROLLER_BYTES_MAX)
        causes.invalid("spec.controller", controller, *_prefixed_path_errors(controller))
    if ingress_class.spec.parameters is not None:
        _check_parameters(ingress_class.spec.parameters, "spec.parameters", causes)


def _prefixed_path_errors(text: str) -> list[str]:
    """A path below a domain: `acme.io/foo`."""
    domain, _, path = text.partition("/")
    if not domain or not path:
        return ['must be a domain-prefixed path (such as "acme.io/foo")']
    errors = subdomain_name_errors(domain)
    if not re.fullmatch(_CONTROLLER_PATH, path, re.ASCII):
        errors.append(f"Invalid path (regex used for validation is '{_CONTROLLER_PATH}')")
    return errors


def _check_parameters(
    parameters: IngressClassParametersReference, path: str, causes: Causes
) -> None:
    _check_reference(parameters.api_group, parameters.kind, parameters.name, path, causes)
    scope, namespace = parameters.scope, parameters.namespace
    if scope not in _SCOPES:
        causes.unsupported(f"{path}.scope", scope, _SCOPES)
    elif scope == "Namespace":
        if namespace is None:
            causes.required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
        else:
            causes.invalid(f"{path}.namespace", namespace, *label_name_errors(namespace))
    elif namespace is not None:
        causes.forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")


def _check_class_update(new: IngressClass, old: IngressClass, causes: Causes) -> None:
    if new.spec.controller != old.spec.controller:
        causes.invalid("spec.controller", new.spec.controller, "field is immutable")


RULES = {
    Ingress: KindRules(check=_check_ingress),
    IngressClass: KindRules(_default_class, _check_class, _check_class_update),
}

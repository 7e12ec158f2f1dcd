"""What requests ask permission for, as Kubernetes tells it from method, path and query."""

import pytest

from kernel.api.access.attributes import Attributes
from kernel.apiserver.access.request_attributes import attributes_of
from kernel.apiserver.parameters import Parameters

PODS = "/api/v1/namespaces/shop/pods"


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", PODS, Attributes("list", "", "pods", "", "shop")),
        ("HEAD", PODS, Attributes("list", "", "pods", "", "shop")),
        ("GET", f"{PODS}?watch=true", Attributes("watch", "", "pods", "", "shop")),
        ("GET", f"{PODS}?watch=0", Attributes("list", "", "pods", "", "shop")),
        ("GET", f"{PODS}?watch=sure", Attributes("watch", "", "pods", "", "shop")),
        (
            "GET",
            f"{PODS}?watch=1&fieldSelector=status.phase=Running,metadata.name%3Dweb",
            Attributes("watch", "", "pods", "", "shop", "web"),
        ),
        ("GET", "/api/v1/pods", Attributes("list", "", "pods")),
        ("POST", PODS, Attributes("create", "", "pods", "", "shop")),
        ("DELETE", PODS, Attributes("deletecollection", "", "pods", "", "shop")),
        ("GET", f"{PODS}/web", Attributes("get", "", "pods", "", "shop", "web")),
        ("GET", f"{PODS}/web?watch=1", Attributes("watch", "", "pods", "", "shop", "web")),
        ("PUT", f"{PODS}/web", Attributes("update", "", "pods", "", "shop", "web")),
        ("PATCH", f"{PODS}/web", Attributes("patch", "", "pods", "", "shop", "web")),
        ("DELETE", f"{PODS}/web", Attributes("delete", "", "pods", "", "shop", "web")),
        ("GET", f"{PODS}/web/log", Attributes("get", "", "pods", "log", "shop", "web")),
        ("GET", f"{PODS}/web/exec", Attributes("get", "", "pods", "exec", "shop", "web")),
        ("POST", f"{PODS}/web/exec", Attributes("create", "", "pods", "exec", "shop", "web")),
        ("PUT", f"{PODS}/web/proxy/a/b", Attributes("update", "", "pods", "proxy", "shop", "web")),
        ("GET", "/api/v1/namespaces", Attributes("list", "", "namespaces")),
        ("GET", "/api/v1/namespaces/shop", Attributes("get", "", "namespaces", "", "shop", "shop")),
        (
            "PUT",
            "/api/v1/namespaces/shop/finalize",
            Attributes("update", "", "namespaces", "finalize", "shop", "shop"),
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
            Attributes("patch", "apps", "deployments", "scale", "shop", "web"),
        ),
        ("GET", "/apis/apps/v1/deployments", Attributes("list", "apps", "deployments")),
        ("GET", "/api/v1/nowhere", Attributes("list", "", "nowhere")),
        ("GET", "/api/v1", Attributes("get", path="/api/v1")),
        ("GET", "/apis/apps/v1", Attributes("get", path="/apis/apps/v1")),
        ("GET", "/plugins/counts", Attributes("get", path="/plugins/counts")),
        ("POST", "/", Attributes("post", path="/")),
    ],
)
def test_attributes(method: str, path: str, asked: Attributes) -> None:
    path, _, query = path.partition("?")
    assert attributes_of(method, path.strip("/").split("/"), Parameters(query)) == asked

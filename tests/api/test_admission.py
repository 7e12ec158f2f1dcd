"""Admission hooks change or refuse objects, in order, and fail as errors of the API."""

import pytest

from kernel.api.admission import (
    AdmissionChain,
    AdmissionDenied,
    AdmissionHook,
    AdmissionRequest,
    admission,
)
from kernel.api.context import acting
from kernel.api.errors import ApiError, Conflict, Forbidden, Invalid
from kernel.api.local import LocalClient
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.container import Container
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Pod, PodSpec
from kernel.objects.selectors import SelectorError
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name), data=data)


async def test_hooks_change_an_object_in_order_and_validating_ones_see_the_result(
    client: LocalClient, admission_chain: AdmissionChain
) -> None:
    seen: list[str] = []

    @admission(Pod)
    async def add_sidecar(request: AdmissionRequest) -> None:
        request.object.spec.containers.append(Container(name="side", image="busybox"))

    @admission(Pod)
    async def name_it(request: AdmissionRequest) -> None:
        names = [container.name for container in request.object.spec.containers]
        request.object.metadata.annotations["containers"] = " ".join(names)

    @admission(Pod, validating=True)
    async def look(request: AdmissionRequest) -> None:
        side = request.object.spec.containers[1]
        seen.append(f"{request.operation} {request.name} {side.termination_message_path}")
        assert request.old is None

    for hook in (look, add_sidecar, name_it):
        admission_chain.add(hook)
    created = await client.create(
        Pod(
            metadata=ObjectMeta(name="web"),
            spec=PodSpec(containers=[Container(name="main", image="busybox")]),
        )
    )
    assert created.metadata.annotations == {"containers": "main side"}
    assert seen == ["CREATE web /dev/termination-log"], "what a hook adds is defaulted too"


async def test_a_hook_refuses_with_its_reason(
    client: LocalClient, admission_chain: AdmissionChain, store: Store
) -> None:
    @admission(ConfigMap, operations=["CREATE", "UPDATE", "DELETE"], validating=True, name="guard")
    async def guard(request: AdmissionRequest) -> None:
        if request.actor == "stranger":
            raise AdmissionDenied(f"no {request.operation} for strangers")

    admission_chain.add(guard)
    created = await client.create(config_map("a"))
    before = store.revision
    created.data["x"] = "1"
    with acting("stranger"):
        for operation, attempt in (
            ("CREATE", client.create(config_map("b"))),
            ("UPDATE", client.update(created)),
            ("DELETE", client.delete(ConfigMap, "a")),
        ):
            with pytest.raises(Forbidden) as refused:
                await attempt
            assert f'admission hook "guard" denied the request: no {operation}' in str(
                refused.value
            )
            assert refused.value.status().reason == "Forbidden"
        await client.create(Secret(metadata=ObjectMeta(name="b")))
    assert store.revision == before + 1
    await client.update(created)


async def test_what_a_hook_makes_invalid_is_refused(
    client: LocalClient, admission_chain: AdmissionChain
) -> None:
    @admission(ConfigMap)
    async def spoil(request: AdmissionRequest) -> None:
        request.object.metadata.labels["not a label"] = "x"

    admission_chain.add(spoil)
    with pytest.raises(Invalid, match="not a label"):
        await client.create(config_map("a"))


@pytest.mark.parametrize("validating", [False, True])
async def test_a_hook_that_fails_refuses_the_request_and_is_named(
    client: LocalClient,
    admission_chain: AdmissionChain,
    caplog: pytest.LogCaptureFixture,
    validating: bool,
) -> None:
    @admission(ConfigMap, validating=validating)
    async def broken(request: AdmissionRequest) -> None:
        raise AttributeError("no such thing")

    admission_chain.add(broken)
    with pytest.raises(ApiError, match='hook "broken" failed: AttributeError: no such thing') as it:
        await client.create(config_map("a"))
    assert it.value.status().code == 500
    assert "Traceback" in caplog.text


async def test_a_hook_may_raise_an_error_of_the_api_and_may_not_move_an_object(
    client: LocalClient, admission_chain: AdmissionChain
) -> None:
    @admission(ConfigMap)
    async def busy(request: AdmissionRequest) -> None:
        if request.name == "busy":
            raise Conflict("try later")
        request.object.metadata.name += "-moved"

    admission_chain.add(busy)
    with pytest.raises(Conflict, match="try later"):
        await client.create(config_map("busy"))
    with pytest.raises(ApiError, match='admission hook "busy" changed the object\'s place'):
        await client.create(config_map("a"))


async def test_an_attempt_after_a_conflict_asks_the_hooks_about_what_was_asked_for(
    client: LocalClient, admission_chain: AdmissionChain
) -> None:
    interfered: list[str] = []

    @admission(ConfigMap, operations=["UPDATE"])
    async def count_and_interfere(request: AdmissionRequest) -> None:
        if "interference" in request.object.data:
            return
        request.object.data["count"] = request.object.data.get("count", "") + "i"
        if len(interfered) < 3:
            interfered.append("once")
            await client.patch(ConfigMap, "a", {"data": {"interference": str(len(interfered))}})

    await client.create(config_map("a"))
    admission_chain.add(count_and_interfere)
    updated = await client.update(config_map("a", mine="1"))
    assert interfered == ["once"] * 3
    assert updated.data == {"mine": "1", "count": "i"}


async def test_a_dry_run_is_marked_for_hooks(
    client: LocalClient, admission_chain: AdmissionChain
) -> None:
    marks: list[bool] = []

    @admission(ConfigMap)
    async def note(request: AdmissionRequest) -> None:
        marks.append(request.dry_run)

    admission_chain.add(note)
    await client.create(config_map("a"), dry_run=True)
    await client.create(config_map("a"))
    assert marks == [True, False]


async def test_hooks_are_asked_in_kubernetes_order_whatever_the_order_they_were_added_in(
    client: LocalClient, admission_chain: AdmissionChain
) -> None:
    asked: list[str] = []

    def hook(name: str, *, validating: bool = False) -> AdmissionHook:
        @admission(ConfigMap, validating=validating, name=name)
        def note(request: AdmissionRequest) -> None:
            asked.append(name)

        return note

    admission_chain.add(hook("plugin checks", validating=True))
    admission_chain.add_builtin(hook("built in checks", validating=True))
    admission_chain.add_builtin(hook("built in"))
    await client.create(config_map("a"))
    assert asked == ["built in", "built in checks", "plugin checks"]
    asked.clear()
    admission_chain.add(hook("plugin"))
    await client.create(config_map("b"))
    assert asked[:3] == ["built in", "plugin", "built in"], "it may have to add to what is new"


async def test_a_hook_without_kinds_is_asked_about_all_and_one_of_the_status_about_that_alone(
    client: LocalClient, admission_chain: AdmissionChain
) -> None:
    asked: list[str] = []

    @admission(operations=["CREATE"])
    def of_all(request: AdmissionRequest) -> None:
        asked.append(request.info.plural)

    @admission(Pod, operations=["UPDATE"], subresources=["status"])
    async def of_status(request: AdmissionRequest) -> None:
        asked.append(f"{request.subresource} {request.object.status.phase}")
        request.object.status.message = "seen"
        request.object.metadata.labels["lost"] = "yes"

    admission_chain.add(of_all)
    admission_chain.add(of_status)
    await client.create(Secret(metadata=ObjectMeta(name="s")))
    pod = await client.create(
        Pod(
            metadata=ObjectMeta(name="web"),
            spec=PodSpec(containers=[Container(name="main", image="busybox")]),
        )
    )
    pod.metadata.labels["app"] = "web"
    pod = await client.update(pod)
    pod.status.phase = "Running"
    updated = await client.update_status(pod)
    assert asked == ["secrets", "pods", "status Running"]
    assert updated.status.message == "seen"
    assert updated.metadata.labels == {"app": "web"}


async def test_the_status_that_a_hook_gives_to_a_new_object_is_lost(
    client: LocalClient, admission_chain: AdmissionChain
) -> None:
    @admission(Pod)
    def run_it(request: AdmissionRequest) -> None:
        request.object.status.phase = "Running"
        request.object.spec.containers[0].resources.requests["cpu"] = "1"

    admission_chain.add(run_it)
    created = await client.create(
        Pod(
            metadata=ObjectMeta(name="web"),
            spec=PodSpec(containers=[Container(name="main", image="busybox")]),
        )
    )
    assert (created.status.phase, created.status.qos_class) == ("Pending", "Burstable")


async def test_selectors_choose_by_labels_of_the_object_and_of_its_namespace(
    client: LocalClient, admission_chain: AdmissionChain, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    @admission(ConfigMap, operations=["CREATE", "UPDATE"], label_selector="guarded")
    def of_labelled(request: AdmissionRequest) -> None:
        asked.append(f"{request.operation} {request.name}")
        request.warn("this one is guarded")

    @admission(namespace_selector="team in (a, b)")
    def of_teams(request: AdmissionRequest) -> None:
        asked.append(f"in {request.namespace or 'none'}: {request.info.kind} {request.name}")

    for hook in (of_labelled, of_teams):
        admission_chain.add(hook)
    labelled = config_map("labelled")
    labelled.metadata.labels["guarded"] = "yes"
    labelled = await client.create(labelled)
    await client.create(config_map("other"))
    labelled.metadata.labels = {}
    await client.update(labelled)
    assert asked == ["CREATE labelled", "UPDATE labelled"], "the old object had the label"
    assert "program: this one is guarded" in caplog.text
    asked.clear()
    await client.create(Namespace(metadata=ObjectMeta(name="teams", labels={"team": "a"})))
    await client.create(ConfigMap(metadata=ObjectMeta(name="c", namespace="teams")))
    await client.create(Node(metadata=ObjectMeta(name="n")))
    await client.create(Namespace(metadata=ObjectMeta(name="stray", labels={"team": "c"})))
    assert asked == [
        "in none: Namespace teams",
        "in teams: ConfigMap c",
        "in none: Node n",
    ]
    with pytest.raises(SelectorError):
        admission(ConfigMap, label_selector="a=b=c")

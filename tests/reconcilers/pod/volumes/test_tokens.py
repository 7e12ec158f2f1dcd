"""Tokens of ServiceAccounts in the volumes of a Pod: made, kept, replaced in time."""

import base64
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod, PodSecurityContext, SecurityContext
from kernel.objects.service import ServiceAccount
from kernel.objects.volume import (
    ProjectedVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
)
from kernel.reconcilers.pod.volumes.tokens import replacement_due, token_mode, token_owner
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

pytestmark = pytest.mark.anyio


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node:
        yield node


def _volume(seconds: int = 600, **fields: str) -> Volume:
    token = ServiceAccountTokenProjection(path="token", expiration_seconds=seconds, **fields)
    sources = [VolumeProjection(service_account_token=token)]
    return Volume(name="identity", projected=ProjectedVolumeSource(sources=sources))


async def _account(node: NodeUnderTest) -> None:
    await node.client.create(ServiceAccount(metadata=ObjectMeta(name="default")))


def _token(node: NodeUnderTest, pod: Pod) -> str:
    path = node.directory / "pods" / pod.metadata.uid / "volumes" / "identity" / "token"
    return path.read_text()


def _claims(token: str) -> Any:
    payload = token.split(".")[1]
    return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


async def test_a_pod_has_a_token_that_is_bound_to_it(node: NodeUnderTest) -> None:
    await _account(node)
    async with node.running():
        pod = await node.create(make_pod(volumes=[_volume(1200, audience="vault")]))
        claims = _claims(_token(node, pod))
        assert claims["aud"] == ["vault"]
        assert claims["exp"] - claims["iat"] == 1200
        assert claims["kubernetes.io"]["pod"] == {"name": "web", "uid": pod.metadata.uid}


async def test_a_token_is_replaced_after_four_fifths_of_its_life(node: NodeUnderTest) -> None:
    await _account(node)
    async with node.running():
        pod = await node.create(make_pod(volumes=[_volume(600)]))
        first = _token(node, pod)
        await node.advance(479)
        assert _token(node, pod) == first
        await node.advance(2)
        second = _token(node, pod)
        assert _claims(second)["iat"] - _claims(first)["iat"] in (480, 481)
        await node.advance(481)
        assert _token(node, pod) not in (first, second)


async def test_a_restart_of_the_agent_keeps_the_token_and_its_time(node: NodeUnderTest) -> None:
    await _account(node)
    async with node.running():
        pod = await node.create(make_pod(volumes=[_volume(600)]))
        first = _token(node, pod)
        await node.advance(300)
    async with node.running():
        await node.advance(1)
        assert _token(node, pod) == first
        await node.advance(180)
        assert _token(node, pod) != first


async def test_a_pod_waits_for_its_service_account(node: NodeUnderTest) -> None:
    async with node.running():
        pod = await node.create(make_pod(volumes=[_volume()]))
        message = (
            'MountVolume.SetUp failed for volume "identity" : failed to fetch token: '
            'serviceaccounts "default" not found'
        )
        assert node.said("FailedMount") == [message]
        await _account(node)
        await node.advance(2)
        assert _token(node, pod)
        assert (await node.pod()).status.phase == "Running"


async def test_a_mirror_that_comes_back_has_a_token_of_its_own(node: NodeUnderTest) -> None:
    await _account(node)

    def is_static(pod: Pod) -> None:
        hash = {f"kubernetes.io/config.{key}": "hash" for key in ("hash", "mirror")}
        pod.metadata.annotations |= hash

    wanted = make_pod(volumes=[_volume()], change=is_static, service_account_name="default")
    file = node.directory / "pods" / "hash" / "volumes" / "identity" / "token"
    async with node.running():
        await node.create(wanted)
        async with node.client.transaction() as transaction:
            await transaction.delete(Pod, "web", namespace="default", grace_period_seconds=0)
            again = await transaction.create(wanted)
        await node.advance(1)
        bound = _claims(file.read_text())["kubernetes.io"]["pod"]
        assert bound == {"name": "web", "uid": again.metadata.uid}


async def test_a_token_stays_while_no_new_one_can_be_had(node: NodeUnderTest) -> None:
    await _account(node)
    async with node.running():
        pod = await node.create(make_pod(volumes=[_volume(600)]))
        first = _token(node, pod)
        await node.client.delete(ServiceAccount, "default")
        await node.advance(500)
        assert _token(node, pod) == first
        await _account(node)
        await node.advance(61)
        assert _token(node, pod) != first


@pytest.mark.parametrize(
    ("lifetime", "due"), [(600, 480), (3607, 2885.6), (90_000, 72_000), (200_000, 86_400)]
)
def test_when_a_new_token_is_due(lifetime: int, due: float) -> None:
    claims = {"iat": 1000, "exp": 1000 + 999_999, "kubernetes.io": {"pod": {"uid": "u"}}}
    payload = base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=").decode()
    projection = ServiceAccountTokenProjection(path="token", expiration_seconds=lifetime)
    token = f"head.{payload}.signature"
    assert replacement_due(token, projection, "u") == int((1000 + due) * 10**9)
    assert replacement_due(token, projection, "another") == 0


@pytest.mark.parametrize("text", ["", "a.b", "a.!.c", "a.bm8gSlNPTg.c", "a.W10.c"])
def test_what_is_no_token_is_replaced_at_once(text: str) -> None:
    assert replacement_due(text, ServiceAccountTokenProjection(path="token"), "u") == 0


def _security(pod: PodSecurityContext | None, *containers: int | None) -> Pod:
    return make_pod(
        *(
            container(f"c{number}", security_context=SecurityContext(run_as_user=user))
            for number, user in enumerate(containers)
        ),
        security_context=pod,
    )


@pytest.mark.parametrize(
    ("pod", "owner", "mode"),
    [
        (_security(None, None), None, 0o644),
        (_security(PodSecurityContext(run_as_user=7), None, None), 7, 0o600),
        (_security(None, 7, 7), 7, 0o600),
        (_security(PodSecurityContext(run_as_user=7), None, 8), None, 0o644),
        (_security(None, 7, None), None, 0o644),
        (_security(PodSecurityContext(fs_group=5), None), None, 0o600),
    ],
)
def test_who_may_read_a_token(pod: Pod, owner: int | None, mode: int) -> None:
    assert token_owner(pod) == owner
    assert token_mode(pod, 0o644) == mode


@pytest.mark.root
async def test_a_token_belongs_to_the_user_of_the_containers(node: NodeUnderTest) -> None:
    await _account(node)
    security = PodSecurityContext(run_as_user=1234, fs_group=4321)
    async with node.running():
        pod = await node.create(make_pod(volumes=[_volume()], security_context=security))
        path = node.directory / "pods" / pod.metadata.uid / "volumes" / "identity" / "token"
        status = path.stat()
        assert (status.st_uid, status.st_gid) == (1234, 4321)
        assert stat.S_IMODE(status.st_mode) == 0o640
        version = os.readlink(path.parent / "..data")
        await node.advance(1)
        assert os.readlink(path.parent / "..data") == version

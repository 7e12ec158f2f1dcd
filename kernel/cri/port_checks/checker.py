"""The port checks of runtimes whose Pods have addresses that this machine reaches."""

from kernel.clock import Clock
from kernel.cri.port_check import CheckResult, GrpcCheck, HttpCheck, PortCheck, TcpCheck
from kernel.cri.port_checks.deadline import Deadline
from kernel.cri.port_checks.grpc_check import check_grpc
from kernel.cri.port_checks.http_check import check_http
from kernel.cri.port_checks.tcp_check import check_tcp


async def check_port(check: PortCheck, clock: Clock, *, timeout_seconds: float) -> CheckResult:
    """Ask; see `kernel.cri.port_check.PortChecking`."""
    deadline = Deadline(clock, timeout_seconds)
    match check.how:
        case HttpCheck():
            return await check_http(check.host, check.port, check.how, deadline)
        case TcpCheck():
            return await check_tcp(check.host, check.port, deadline)
        case GrpcCheck(service):
            return await check_grpc(check.host, check.port, service, deadline)

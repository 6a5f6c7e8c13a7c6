"""Starts a provider stand-in, a quota server and Envoys, and reads what each says of the calls that passed.

Shared by the end-to-end tests and the demo.
"""

from . import documented, figures, paths, recordings
from .bill import Bill
from .envoy import Envoy, EnvoyDidNotStart
from .envoy_config import EnvoyOptions
from .guard import Guard
from .processes import Process, leave_nothing_behind
from .quota_server import QuotaServer
from .redis import WatchedRedis
from .runtimes import OLDEST, ContainerRuntime, ProcessRuntime, Runtime, why_no_containers
from .stack import CHAT, Stack
from .stand_in import StandIn
from .waiting import until
from .wall_clock import SettableClock

__all__ = [
    "CHAT",
    "OLDEST",
    "Bill",
    "ContainerRuntime",
    "Envoy",
    "EnvoyDidNotStart",
    "EnvoyOptions",
    "Guard",
    "Process",
    "ProcessRuntime",
    "QuotaServer",
    "Runtime",
    "SettableClock",
    "Stack",
    "StandIn",
    "WatchedRedis",
    "documented",
    "figures",
    "leave_nothing_behind",
    "paths",
    "recordings",
    "until",
    "why_no_containers",
]

"""What a gateway can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GatewayOptions:
    """Settings of one gateway.

    Attributes:
        triton: `host:port` of the server's gRPC endpoint.
        triton_http: `host:port` of its HTTP endpoint, for `/v2/*`; "": those paths are not served.
        default_model: the model of `/invocations`; "": the only one that the server has.
        repository: the server's model repository, to read `MLmodel` files from where configurations do not tell enough.
        timeout: seconds until a request is answered with 504, as `MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT`.
        max_body_bytes: a larger body is refused with 413.
        max_pending: a request that finds so many under way is refused with 503.
        token: what clients have to send as `Authorization: Bearer TOKEN`; "": nothing.
        cors_origins: origins whose pages may ask; empty: none.
        coalesce: requests that come while others of the model are under way are asked together.
        shared_memory: large requests go to a server on the same machine through shared memory.
    """

    triton: str
    triton_http: str = ""
    default_model: str = ""
    repository: Path | None = None
    timeout: float = 60.0
    max_body_bytes: int = 100 * 1024 * 1024
    max_pending: int = 1024
    token: str = ""
    cors_origins: tuple[str, ...] = ()
    coalesce: bool = True
    shared_memory: bool = True

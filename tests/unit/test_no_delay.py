"""An answer is sent at once: its head does not wait for the client's kernel to confirm it before its body may go.

uvicorn writes both by themselves. With Nagle's algorithm on, the second small write waits for the acknowledgement of
the first, which a client's kernel delays by 40 ms; asyncio turns the algorithm off only for sockets that were made
with the protocol's number.
"""

import asyncio
import socket
from collections.abc import Callable

import pytest

from cutover.cli.serving import listen
from simulators.core.serve import bind


@pytest.mark.parametrize(
    "opened", [lambda: listen("127.0.0.1", 0), lambda: bind("netsuite", 0)], ids=["gateway", "simulator"]
)
def test_a_servers_connections_do_not_wait_for_acknowledgements(opened: Callable[[], socket.socket]) -> None:
    """TCP_NODELAY is set on every connection that is accepted."""

    async def main() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set_result(
                writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            )
            writer.close()
            await writer.wait_closed()

        door = opened()
        async with await asyncio.start_server(serve, sock=door):
            _, client = await asyncio.open_connection(*door.getsockname())
            found = await accepted
            client.close()
            await client.wait_closed()
        return found

    assert asyncio.run(main()) != 0

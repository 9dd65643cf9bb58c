import socket

import pytest

from deploy.local import ports
from deploy.local.errors import LaunchError


def test_two_launchers_are_never_given_the_same_port() -> None:
    one, two = ports.FreePorts(), ports.FreePorts()
    try:
        taken = [*one.take().by_name().values(), *two.take().by_name().values()]
        assert len(set(taken)) == len(taken)
    finally:
        one.release()
        two.release()


def test_a_claimed_port_stays_claimed_until_it_is_released() -> None:
    claims = ports.FreePorts()
    port = claims.take().api
    with socket.socket(socket.AF_UNIX) as rival, pytest.raises(OSError, match="in use"):
        rival.bind(f"\0academy-port-{port}")

    claims.release()

    with socket.socket(socket.AF_UNIX) as rival:
        rival.bind(f"\0academy-port-{port}")


def test_a_taken_port_is_named_with_its_holder_and_the_way_out() -> None:
    with socket.create_server((ports.HOST, 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(LaunchError) as caught:
            ports.ensure_free(ports.Ports(api=taken))

    sentence = str(caught.value)
    assert f"Port {taken} (for api) is taken by" in sentence
    assert "(process " in sentence
    assert "PORT_API=" in sentence


def test_one_port_for_two_purposes_is_refused() -> None:
    with pytest.raises(LaunchError, match="PORT_FLOWER and PORT_API are both"):
        ports.ensure_free(ports.Ports(api=28_999, flower=28_999))


def test_a_port_variable_moves_one_port_and_leaves_the_others() -> None:
    assert ports.fixed({"PORT_API": "8123"}) == ports.Ports(api=8123)


@pytest.mark.parametrize("text", ["80", "70000", "http", "-1"])
def test_a_variable_that_is_no_port_is_refused_by_name(text: str) -> None:
    with pytest.raises(LaunchError, match="PORT_API"):
        ports.fixed({"PORT_API": text})

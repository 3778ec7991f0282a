"""The door to the runner, where nobody stands behind it."""

from __future__ import annotations

import socket
import threading

import pytest
from django.conf import settings

from sandbox.errors import SyntaxFailed
from tenants import runner
from tenants.errors import RunFailed, RunUnavailable

ASKED = runner.Asked(tenant_id=1, worker="w", version="v", method="GET", url="http://x/", headers=[])


@pytest.fixture
def folder():
    found = settings.HOSTEL.run
    found.mkdir(parents=True, exist_ok=True)
    yield found
    for path in found.glob("gateway-*.sock"):
        path.unlink()


def test_no_process_is_said(folder):
    with pytest.raises(RunUnavailable):
        runner.run(ASKED)
    (folder / "gateway-1.sock").touch()
    with pytest.raises(RunUnavailable):
        runner.run(ASKED)


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", b"HTTP/1.1 500 X\r\ncontent-length: 1\r\n\r\nx", b"?"]
)
def test_nonsense_is_a_failure(folder, said):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "gateway-2.sock"))
        listener.listen()

        def answer():
            taken, _ = listener.accept()
            with taken:
                taken.recv(65536)
                taken.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(RunFailed):
            runner.run(ASKED)
        thread.join()


def test_errors_come_back_as_they_were():
    sent = SyntaxFailed("no", file="a.js", line=3, column=4).as_dict()
    back = runner.revived(sent)
    assert isinstance(back, SyntaxFailed)
    assert (back.message, back.line, back.detail["column"]) == ("no", 3, 4)
    assert isinstance(runner.revived({"code": "from_tomorrow", "message": "m"}), RunFailed)

"""When the virtual environment is left alone and when it is made again. Nothing is downloaded: the pins of these tests are empty."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ops import environment


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "platform").mkdir()
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "requirements-dev.txt").write_text("")
    return tmp_path


def test_it_is_made_once_and_then_left_alone(checkout):
    assert environment.make(checkout)
    assert not environment.make(checkout)
    python = checkout / ".venv" / "bin" / "python"
    path = subprocess.run([python, "-I", "-c", "import sys; print(sys.path)"], capture_output=True, text=True, check=True).stdout
    assert str(checkout / "platform") in path
    # The folder comes after the standard library, which owns the name `platform`.
    where = subprocess.run([python, "-I", "-c", "import platform; print(platform.__file__)"], capture_output=True, text=True, check=True)
    assert not where.stdout.startswith(str(checkout / "platform"))


def test_development_pins_serve_for_both_but_not_the_other_way_round(checkout):
    stamp = checkout / "stamp"
    (checkout / "requirements-dev.txt").write_text("# other")
    base, dev = environment.fingerprint(checkout, dev=False), environment.fingerprint(checkout, dev=True)
    stamp.write_text(json.dumps(dev))
    assert environment.is_current(stamp, base)
    stamp.write_text(json.dumps(base))
    assert not environment.is_current(stamp, dev)


@pytest.mark.parametrize("found", ["", "[]", "{}", '{"python": "cpython-39 3.9.0"}'])
def test_a_stamp_that_says_something_else_is_not_current(checkout, found):
    (checkout / "stamp").write_text(found)
    assert not environment.is_current(checkout / "stamp", environment.fingerprint(checkout, dev=False))


def test_changed_pins_and_a_moved_checkout_are_noticed(checkout, tmp_path_factory):
    before = environment.fingerprint(checkout, dev=False)
    (checkout / "requirements.txt").write_text("# changed")
    assert environment.fingerprint(checkout, dev=False) != before
    other = tmp_path_factory.mktemp("moved")
    (other / "requirements.txt").write_text("")
    assert environment.fingerprint(other, dev=False)["root"] != before["root"]


def test_an_environment_whose_interpreter_is_gone_is_made_again(checkout):
    environment.make(checkout)
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert environment.make(checkout)
    assert environment.works(python)


def test_pips_words_are_shown_when_it_fails(checkout, capfd):
    (checkout / "requirements.txt").write_text("no-such-package-of-ours==1 --hash=sha256:" + "0" * 64)
    with pytest.raises(SystemExit) as failure:
        environment.make(checkout)
    assert "could not be installed" in str(failure.value)
    assert not (checkout / ".venv" / "hostel.json").exists()


def test_the_real_pins_are_hashed_and_name_no_address():
    root = Path(__file__).parents[2]
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (root / name).read_text()
        assert "://" not in text
        blocks = [line for line in text.splitlines() if line[:1].isalnum()]
        assert len(blocks) > 40
        assert all(line.endswith("\\") and "==" in line for line in blocks)

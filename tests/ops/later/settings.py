"""The next release: everything of this one, and one more migration."""

from __future__ import annotations

from controlplane.settings import *  # noqa: F403
from controlplane.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.ops.later"]

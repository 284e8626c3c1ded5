"""A client that is made of the OpenAPI document alone works against the server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from infra.bench.stream.rival import rival_python
from infra.errors import MachineError
from infra.local_token import local_token
from infra.packages import LOCKS
from infra.settings import load
from tests.integration.api.support import Decider, Stack

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter that has the generator."""
    try:
        return rival_python(
            load().cache_dir, lambda _: None, LOCKS / "client.txt", name="the client's generator"
        )
    except MachineError as error:
        pytest.skip(error.message)


def call(python: Path, *arguments: str, **more: str) -> str:
    # The interpreter of another environment must not see ours, nor its tools be looked for.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = f"{python.parent}{os.pathsep}{env.get('PATH', '')}"
    done = subprocess.run(
        [python, *arguments],
        env={**env, "PATH": path, **more},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def spec(stack: Stack) -> dict[str, Any]:
    with stack.client() as client:
        found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def generated(python: Path, spec: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package. A warning is a failure: something of the API would be missing."""
    folder = tmp_path_factory.mktemp("client")
    document = folder / "openapi.json"
    document.write_text(json.dumps(spec))
    said = call(
        python,
        *("-m", "openapi_python_client", "generate", "--path", str(document)),
        *("--output-path", str(folder / "watchfloor_client"), "--meta", "none"),
        *("--config", str(HERE / "client.yaml"), "--fail-on-warning"),
    )
    assert "WARNING" not in said.upper()
    return folder


def plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def test_every_operation_and_every_schema_is_in_it(generated: Path, spec: dict[str, Any]) -> None:
    package = generated / "watchfloor_client"
    functions = {path.stem for path in package.glob("api/*/*.py")}
    for operations in spec["paths"].values():
        for operation in operations.values():
            assert operation["operationId"] in functions
    models = {plain(path.stem) for path in package.glob("models/*.py")}
    assert {plain(name) for name in spec["components"]["schemas"]} <= models


def test_it_works_against_the_server(
    python: Path, generated: Path, stack: Stack, decider: Decider
) -> None:
    event = uuid.uuid4().hex
    script = str(HERE / "client_use.py")
    token = local_token(stack.settings)
    heard = json.loads(
        call(python, script, stack.url, event, PYTHONPATH=str(generated), TOKEN=token)
    )
    assert heard["modules"] > 100
    assert [site[:2] for site in heard["sites"]] == [["SiteView", "north"], ["SiteView", "south"]]
    assert sorted(heard["zones"]) == [["ZoneView", "high"], ["ZoneView", "medium"]]
    first, again = heard["answers"]
    assert first == again
    assert first[::2] == ["Answer", "suppressed"]
    assert heard["unknown"] == ["ProblemDocument", 404]
    assert heard["wrong"] == ["ProblemDocument", 400]
    assert heard["preview"] == ["ProblemDocument", 422, "body.receiver"]
    assert heard["export"] == [200, 4]
    assert heard["page"][0].startswith("Page")

"""Devices over HTTP: looked for, taken on, taken on again, and refused by name."""

from __future__ import annotations

import asyncio
import base64
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from msgspec.structs import replace as changed

from infra.db.documents import amend, history, site_of
from infra.fleet.device import SimDevice
from infra.secrets import lookup
from schemas.document import Document, Site
from tests.integration.api.support import Stack, wait_until
from tests.integration.onboard.fleet import PASSWORD, USER, Devices
from tests.people import ADMIN
from topics.catalogue import ASSIGNMENTS, CONFIG
from topics.reader import read

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def body(one: SimDevice, **more: Any) -> dict[str, Any]:
    return {
        "site_id": "north",
        "address": f"127.0.0.1:{one.port}",
        "credentials": {"username": USER, "password": PASSWORD},
        **more,
    }


def site(floor: Stack) -> Site:
    found = site_of(floor.settings, "north")
    assert found is not None
    return found


def problem(answer: httpx.Response, status: int, *said: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert PASSWORD not in answer.text
    found: dict[str, Any] = answer.json()
    for word in said:
        assert word in answer.text
    return found


def test_a_camera_is_taken_on_and_taken_up_again(floor: Stack, devices: Devices, rtsp: int) -> None:
    camera = devices.add("cam", "onvif", rtsp_port=rtsp, names_host="169.254.169.254")
    with floor.client(90) as client:
        answer = client.post("/v1/cameras/onboard", json=body(camera, name="Main door"))
        assert answer.status_code == 201, answer.text
        assert PASSWORD not in answer.text
        found = answer.json()
        assert (found["camera_id"], found["created"]) == ("main-door", True)
        assert found["device"]["serial"] == f"SIM{camera.port:08d}"
        assert found["main"]["url"] == f"rtsp://127.0.0.1:{rtsp}/cam/1/main"
        assert found["sub"]["url"] == f"rtsp://127.0.0.1:{rtsp}/cam/1/sub"
        data = np.frombuffer(base64.b64decode(found["picture"]["data"]), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (240, 320, 3)

        # In the document as `apply` would have it, and in force.
        (kept,) = (one for one in site(floor).cameras if one.camera_id == "main-door")
        assert (kept.driver, kept.address) == ("onvif", f"http://127.0.0.1:{camera.port}")
        newest = history(floor.settings, "north")[0]
        assert (newest.revision, newest.author) == (found["revision"], "local")
        assert [one.path for one in newest.changes] == ["cameras[main-door]"]
        secret = lookup(str(kept.credentials), site="north", state_dir=floor.settings.state_dir)
        assert secret.reveal() == f"{USER}:{PASSWORD}"

        def known() -> bool:
            cameras = client.get("/v1/cameras?site_id=north").json()
            return any(one["camera_id"] == "main-door" and one["captured"] for one in cameras)

        wait_until(known, "every follower has the camera")

        # Again: updated, never doubled; what a person wrote stays.
        def rename(before: Site) -> Site:
            return changed(
                before,
                cameras=tuple(
                    changed(one, name="Door", detect_fps=2.0)
                    if one.camera_id == "main-door"
                    else one
                    for one in before.cameras
                ),
            )

        amend(floor.settings, "north", rename, "lee")
        count = len(site(floor).cameras)
        again = client.post("/v1/cameras/onboard", json=body(camera))
        assert again.status_code == 200, again.text
        assert (again.json()["camera_id"], again.json()["name"]) == ("main-door", "Door")
        assert len(site(floor).cameras) == count
        (kept,) = (one for one in site(floor).cameras if one.camera_id == "main-door")
        assert (kept.name, kept.detect_fps) == ("Door", 2.0)
        # Nothing had changed but what the person wrote: no revision was made of it.
        assert again.json()["revision"] == history(floor.settings, "north")[0].revision
        assert history(floor.settings, "north")[0].author == "lee"

    # Nowhere but in the vault: no topic, and no file in the clear.
    names = [CONFIG.name, ASSIGNMENTS.name]
    topics = [record.value or b"" for record in read(floor.settings, names)]
    assert any(b"main-door" in value and b"onvif" in value for value in topics)
    assert not any(PASSWORD.encode() in value for value in topics)
    for path in floor.settings.state_dir.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_refused_credentials_are_named_and_not_sent_again(floor: Stack, devices: Devices) -> None:
    camera = devices.add("locked", "onvif")
    before = site(floor)
    wrong = body(camera, credentials={"username": USER, "password": "of-somebody-else"})
    with floor.client(90) as client:
        first = problem(client.post("/v1/cameras/onboard", json=wrong), 400)
        assert (first["step"], first["fault"]) == ("information", "bad_credentials")
        assert "of-somebody-else" not in str(first)
        asked = devices.fleet.asked["locked"]
        again = problem(client.post("/v1/cameras/onboard", json=wrong), 400, "not sent again")
        assert again["fault"] == "bad_credentials"
        assert devices.fleet.asked["locked"] == asked
        # Another password is another log-in: it gets as far as the stream, where nobody is.
        right = problem(client.post("/v1/cameras/onboard", json=body(camera)), 400)
        assert right["step"] == "stream"
    assert site(floor) == before
    assert not (floor.settings.state_dir / "vault" / "sites" / "north" / "device.locked").exists()


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"address": "10.0.0.1"}, 400, "forbidden_address"),
        ({"address": "169.254.169.254"}, 400, "forbidden_address"),
        ({"address": "http://u:p@127.0.0.1/"}, 400, "bad_address"),
        ({"address": "ftp://127.0.0.1/"}, 400, "bad_address"),
        ({"address": "127.0.0.1:1"}, 400, "refused"),
        ({"address": "a b"}, 422, "body.address"),
        ({"credentials": {"username": "a:b"}}, 422, "body.credentials"),
        ({"credentials": PASSWORD}, 422, "body.credentials"),
        ({"site_id": "nowhere"}, 404, "site"),
        ({"camera_id": "no id"}, 422, "body.camera_id"),
    ],
)
def test_what_cannot_be_taken_on_is_named(
    floor: Stack, devices: Devices, change: dict[str, Any], status: int, said: str
) -> None:
    with floor.client(90) as client:
        asked = {**body(SimDevice(device_id="x", kind="onvif", port=1)), **change}
        problem(client.post("/v1/cameras/onboard", json=asked), status, said)


@pytest.mark.parametrize("kind", ["isapi", "dahua", "onvif"])
def test_a_recorder_is_imported_and_imported_again(
    floor: Stack, devices: Devices, kind: str
) -> None:
    recorder = devices.add(f"rec-{kind}", kind, channels=4)
    asked = body(recorder, driver=kind, device_id=f"nvr-{kind}")
    with floor.client(90) as client:
        some = {**asked, "channels": ["source1", "source2"] if kind == "onvif" else ["1", "2"]}
        answer = client.post("/v1/nvrs/connect", json=some)
        assert answer.status_code == 201, answer.text
        assert PASSWORD not in answer.text
        first = answer.json()
        assert first["device_id"] == f"nvr-{kind}"
        assert len(first["camera_ids"]) == 2
        assert first["new_camera_ids"] == first["camera_ids"]

        def rename(before: Site) -> Site:
            return changed(
                before,
                cameras=tuple(
                    changed(one, camera_id=f"gate-{kind}", name="Gate")
                    if one.camera_id == first["camera_ids"][0]
                    else one
                    for one in before.cameras
                ),
            )

        amend(floor.settings, "north", rename, "lee")
        # By its address now, without its id, and all of it.
        del asked["device_id"]
        again = client.post("/v1/nvrs/connect", json=asked)
        assert again.status_code == 200, again.text
        found = again.json()
        assert found["device_id"] == f"nvr-{kind}"
        assert found["camera_ids"][:2] == [f"gate-{kind}", first["camera_ids"][1]]
        assert len(found["camera_ids"]) == 4
        assert found["new_camera_ids"] == found["camera_ids"][2:]
    after = site(floor)
    mine = [one for one in after.cameras if one.nvr_id == f"nvr-{kind}"]
    assert [one.name for one in mine if one.camera_id == f"gate-{kind}"] == ["Gate"]
    assert len(mine) == 4
    assert {one.credentials for one in mine} == {f"device.nvr-{kind}"}
    (device,) = (one for one in after.devices if one.device_id == f"nvr-{kind}")
    assert (device.kind, device.driver, device.serial) == (
        "nvr",
        kind,
        f"SIM{recorder.port:08d}",
    )


def test_a_recorder_that_cannot_be_connected_is_named(floor: Stack, devices: Devices) -> None:
    recorder = devices.add("rec-odd", "isapi", channels=2)
    before = site(floor)
    with floor.client(90) as client:

        def post(**more: Any) -> httpx.Response:
            asked = {**body(recorder, driver="isapi"), **more}
            return client.post("/v1/nvrs/connect", json=asked)

        problem(post(channels=["1", "7"]), 400, "channels", "no channel 7")
        problem(post(device_id="yard"), 422, "body.device_id", "zone")
        problem(post(driver="axis"), 422, "body.driver")
        problem(post(driver="dahua"), 400, "information", "bad_status")
    assert site(floor) == before


async def test_a_scan_is_told_over_the_stream_and_kept(floor: Stack, devices: Devices) -> None:
    devices.add("seen", "onvif")
    async with floor.listen() as ears, floor.async_client(60) as client:
        answer = await client.post("/v1/discovery/scans", json={"subnet": "127.0.0.0/30"})
        assert answer.status_code == 202, answer.text
        started = answer.json()
        assert (started["state"], started["asked_by"]) == ("running", "local")
        assert answer.headers["location"] == f"/v1/discovery/scans/{started['scan_id']}"
        heard: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while not heard or heard[-1]["type"] != "discovery_complete":
                message = httpx.Response(200, content=await ears.recv()).json()
                if message["type"].startswith("discovery_"):
                    heard.append(message)
        complete = heard[-1]
        assert complete["scan_id"] == started["scan_id"]
        assert (complete["state"], complete["error"]) == ("done", None)
        assert "seen" in {one["name"] for one in complete["devices"]}
        progress = [one for one in heard if one["type"] == "discovery_progress"]
        assert progress[-1]["asked"] == progress[-1]["total"] == 4
        kept = (await client.get(answer.headers["location"])).json()
        assert (kept["state"], kept["devices"]) == ("done", complete["devices"])
        assert kept["finished_at"] >= kept["asked_at"]
        (newest, *_) = (await client.get("/v1/discovery/scans")).json()
        assert newest == kept


def test_scans_that_may_not_be_are_refused(floor: Stack) -> None:
    with floor.client() as client:
        for subnet, said in (
            ("10.0.0.0/24", "may not be asked"),
            ("127.0.0.0/8", "addresses"),
            ("all", "no IPv4 network"),
        ):
            answer = client.post("/v1/discovery/scans", json={"subnet": subnet})
            problem(answer, 422, "body.subnet", said)
        problem(client.get("/v1/discovery/scans/none"), 404)
        problem(client.get("/v1/discovery/scans/..%2f..%2fvault.key"), 404)


def test_a_scan_whose_server_ended_says_so(floor: Stack, tmp_path: Any) -> None:
    from api.discovery.schemas import ScanState
    from api.discovery.service import Scans
    from api.problems import TooManyScans
    from api.stream.hub import Hub

    settings = replace(floor.settings, state_dir=tmp_path)

    async def leave() -> str:
        scans = Scans(settings, Hub(), lambda: datetime.now(UTC))
        view = scans.start(ADMIN, {"subnet": "127.0.0.0/30"})
        scans.start(ADMIN, {"subnet": "127.0.0.0/30"})
        with pytest.raises(TooManyScans):
            scans.start(ADMIN, {})
        # As one that is killed leaves it: nobody has the last word.
        fresh = Scans(settings, Hub(), lambda: datetime.now(UTC))
        assert fresh.view(view.scan_id).state is ScanState.INTERRUPTED
        assert scans.view(view.scan_id).state is ScanState.RUNNING
        await scans.close()
        return view.scan_id

    scan_id = asyncio.run(leave())
    fresh = Scans(settings, Hub(), lambda: datetime.now(UTC))
    found = fresh.view(scan_id)
    assert (found.state, found.error) == (
        ScanState.INTERRUPTED,
        "the server stopped; ask again",
    )
    assert len(fresh.views()) == 2


def test_nobody_elses_change_is_lost(floor: Stack) -> None:
    """Two that change a site at once both have their change in it."""

    def add(name: str) -> None:
        def change(before: Site) -> Site:
            device = SimDevice(device_id=name, kind="onvif", port=1)
            camera = changed(before.cameras[0], camera_id=device.device_id, name=name)
            return changed(before, cameras=(*before.cameras, camera))

        amend(floor.settings, "south", change, name)

    threads = [threading.Thread(target=add, args=(f"cam-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = site_of(floor.settings, "south")
    assert found is not None
    assert {f"cam-{n}" for n in range(6)} <= {one.camera_id for one in found.cameras}
    with pytest.raises(LookupError):
        amend(floor.settings, "nowhere", lambda one: one, "kim")
    assert site_of(floor.settings, "nowhere") is None
    assert Document(sites=(found,)).sites[0].site_id == "south"

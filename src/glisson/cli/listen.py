"""`glisson listen`: a node that plans the studies sent to it and, where asked to, sends the results back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from glisson.cli.pacs import (
    Authority,
    Cert,
    ClearText,
    Key,
    PasswordEnv,
    PasswordFile,
    Timeout,
    TokenEnv,
    TokenFile,
    Tries,
    User,
    node_from,
)  # fmt: skip
from glisson.errors import GlissonError, PacsError

if TYPE_CHECKING:
    from glisson.imaging.pacs import Node

__all__ = ["handle_study", "listen"]

RESULTS = "out"
"""Folder of the plan in the case folder of a study."""

LOG = "plan.log"
"""What the planning of a study said."""

PLANNER = (sys.executable, "-m", "glisson.cli.received")
"""What plans a study, given its case folder and the folder for the dossier."""

TICK_S = 0.1
LAST_LINES = 3
"""Lines of it that a message quotes."""


class PlanError(GlissonError):
    """The planning of a received study ended without results."""


def listen(
    aet: Annotated[str, Option(metavar="TITLE", help="our title; senders must call it")],
    data: Annotated[Path, Option(metavar="DIR", help="folder for the studies and their plans")],
    port: Annotated[int, Option(help="port to listen on", min=1, max=65535)] = 11112,
    bind: Annotated[str, Option(metavar="ADDR", help="address to listen on")] = "127.0.0.1",
    open_to_network: Annotated[bool, Option("--open-to-network", help="allow an address that others reach")] = False,
    caller: Annotated[
        list[str] | None, Option(metavar="TITLE", help="title that may send; repeat. Without it, every title")
    ] = None,
    quiet: Annotated[float, Option(metavar="S", help="seconds of silence after which a study is whole", min=0.1)] = 30,
    limit: Annotated[float, Option(metavar="MIN", help="minutes that planning one study may take", min=0.1)] = 60,
    tls_cert: Annotated[Path | None, Option(metavar="PEM", help="certificate of this node: TLS only")] = None,
    tls_key: Annotated[Path | None, Option(metavar="PEM", help="its key")] = None,
    tls_ca: Annotated[Path | None, Option(metavar="PEM", help="authority whose certificates senders must show")] = None,
    send_to: Annotated[str | None, Option(metavar="URL", help="archive that gets the results")] = None,
    user: User = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    ca: Authority = None,
    cert: Cert = None,
    key: Key = None,
    clear_text: ClearText = False,
    tries: Tries = 5,
    timeout: Timeout = 30.0,
) -> None:
    """Take studies sent to this machine (C-STORE), plan each when it is whole, send the results on. Stop with Ctrl-C.

    Results are unverified and in a series named as such until a person releases them (glisson release).
    """
    from glisson.imaging.pacs import Listening, listening

    settings = Listening(
        aet, port, data, bind, open_to_network, tuple(caller or ()), quiet, certificate=tls_cert, key=tls_key,
        ca_file=tls_ca,
    )  # fmt: skip
    node = None
    if send_to is not None:
        node = node_from(
            send_to, user, password_file, password_env, token_file, token_env, ca_file=ca, certificate=cert, key=key,
            clear_text=clear_text, aet=aet, attempts=tries, timeout_s=timeout,
        )  # fmt: skip
    stop = threading.Event()
    for sent in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sent, lambda *_: stop.set())
    with listening(settings, lambda folder: handle_study(folder, node, limit * 60, stop), _say) as taken:
        _say(f"{aet} listens on {bind}:{taken}; studies go to {data / 'studies'}")
        stop.wait()
        _say("stopping; what is unfinished goes on at the next start")


def _say(words: str) -> None:
    print(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {words}", flush=True)


def handle_study(folder: Path, node: Node | None, limit_s: float, stop: threading.Event | None = None) -> None:
    """Plan the study of a case folder in a process of its own, unless that is done, and send its results to the node.

    A crash of the planning does not touch the node. stop: set when the node is to end; planning is then broken off.
    Raises PlanError where there is no plan, PacsError where the results could not be sent or planning was broken off.
    """
    from glisson.imaging.dicom_source import RESEARCH
    from glisson.imaging.pacs import dicom_files, open_archive, store_files

    out = folder / RESULTS
    if not (out / "findings.json").exists():
        _plan(folder, out, limit_s, stop or threading.Event())
    if node is not None:
        files = dicom_files([out])
        if any(_series_description(path) != RESEARCH for path in files):
            raise PlanError(f"{out} holds objects that are not marked as research results; they were not sent.")
        store_files(open_archive(node), files)


def _series_description(path: Path) -> str:
    from pydicom import dcmread

    return str(dcmread(path, specific_tags=["SeriesDescription"], stop_before_pixels=True).get("SeriesDescription"))


def _plan(folder: Path, out: Path, limit_s: float, stop: threading.Event) -> None:
    with (folder / LOG).open("w", encoding="utf-8") as log:
        child = subprocess.Popen(
            [*PLANNER, str(folder), str(out)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        end = time.monotonic() + limit_s
        while child.poll() is None and time.monotonic() < end and not stop.wait(TICK_S):
            pass
        over = child.poll() is None
        if over:
            child.kill()
            child.wait()
    if over and stop.is_set():
        raise PacsError("the node was stopped while the study was being planned")
    why = f"ended with {child.returncode}" if child.returncode else ""
    why = f"took longer than {limit_s / 60:g} minutes" if over else why
    if why or not (out / "findings.json").exists():
        said = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LAST_LINES:]
        raise PlanError(f"Planning {why or 'wrote nothing'}: {' '.join(said) or 'it said nothing'} ({folder / LOG})")

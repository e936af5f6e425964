"""A node that takes studies sent to it (C-STORE SCP), stores them whole, and hands each on once it is quiet."""

from __future__ import annotations

import queue
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glisson.errors import GlissonError, InputError, OutputError, PacsError
from glisson.imaging.pacs.keeping import ConflictError, held_alone
from glisson.imaging.pacs.node import is_loopback, require_pacs, valid_aet
from glisson.imaging.pacs.shelves import DONE, FAILED, STARTED, WAITING, Shelves, set_state, state_of

__all__ = ["Listening", "listening"]

MOST_TRIES = 3
"""A study whose handling the node did not survive this often is given up."""

LEAST_FREE_BYTES = 2**30
"""With less room on the disk nothing more is taken."""

TICK_S = 0.1
MOST_ASSOCIATIONS = 10
SUCCESS, DUPLICATE, NO_ROOM, NOT_UNDERSTOOD = 0x0000, 0x0111, 0xA700, 0xC000


class _PatientContext(ssl.SSLContext):
    """Leaves the handshake to the thread of the connection: a caller that says nothing must not keep others out."""

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*args, **{**options, "do_handshake_on_connect": False})


Handle = Callable[[Path], None]
"""Handles one whole study in its case folder. PacsError: try again later. Any other error: given up, and said."""


@dataclass(frozen=True)
class Listening:
    """How to listen. Other machines reach the node only where `open_to_network` says so.

    aet: our title. callers: titles that may send; empty for all. quiet_s: silence after which a study is whole.
    again_s: how long to wait after a failure of the network. certificate, key: PEM files for TLS; ca_file: whose
    certificates senders must show.
    """

    aet: str
    port: int
    data: Path
    address: str = "127.0.0.1"
    open_to_network: bool = False
    callers: tuple[str, ...] = ()
    quiet_s: float = 30.0
    again_s: float = 300.0
    certificate: Path | None = None
    key: Path | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        for title in (self.aet, *self.callers):
            valid_aet(title, "A title")
        if not is_loopback(self.address) and not self.open_to_network:
            raise InputError(
                f"Listening on {self.address} lets other machines send images here. Say --open-to-network if that is "
                "meant, with --tls-cert and --tls-key where the network is shared."
            )
        if (self.certificate is None) != (self.key is None) or (self.ca_file is not None and self.certificate is None):
            raise InputError("TLS needs --tls-cert and --tls-key; --tls-ca needs both.")

    def tls_context(self) -> ssl.SSLContext | None:
        """The TLS settings of the server, None without a certificate."""
        if self.certificate is None:
            return None
        context = _PatientContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(str(self.certificate), str(self.key))
            if self.ca_file is not None:
                context.load_verify_locations(str(self.ca_file))
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as problem:
            raise InputError(f"The certificates cannot be used: {problem}.") from None
        return context


@contextmanager
def listening(settings: Listening, handle: Handle, say: Callable[[str], None]) -> Iterator[int]:
    """Listen while the block runs; yields the port. `handle` gets each whole study, one after the other, on a thread.

    say: takes one line on what happens. Raises OutputError where the data folder is in use or cannot be written to,
    InputError where the port cannot be had.
    """
    require_pacs()
    with held_alone(settings.data, "a node with this data folder"):
        node = _Node(settings, handle, say)
        server = node.serve()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            node.stop()


class _Node:
    def __init__(self, settings: Listening, handle: Handle, say: Callable[[str], None]) -> None:
        self.settings, self.handle, self.say = settings, handle, say
        self.shelves = Shelves(settings.data)
        self.over = threading.Event()
        self.todo: queue.SimpleQueue[tuple[float, Path]] = queue.SimpleQueue()
        for folder in self.shelves.unfinished():
            self.todo.put((0.0, folder))
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._work)]

    def serve(self) -> Any:
        """Begin to listen and to work; the running server."""
        from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt

        from glisson.imaging.pacs.network import SYNTAXES, context_of

        entity = AE(self.settings.aet)
        kinds = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]
        entity.supported_contexts = [context_of("Verification"), *(build_context(kind, SYNTAXES) for kind in kinds)]
        entity.require_called_aet, entity.require_calling_aet = True, list(self.settings.callers)
        entity.maximum_associations = MOST_ASSOCIATIONS
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_CONN_CLOSE, self._closed)]
        where, tls = (self.settings.address, self.settings.port), self.settings.tls_context()
        try:
            server = entity.start_server(where, block=False, evt_handlers=handlers, ssl_context=tls)  # type: ignore[arg-type]
        except OSError as problem:
            raise InputError(
                f"Cannot listen on {where[0]}:{where[1]} ({problem.strerror}). Name another --port."
            ) from None
        for thread in self.threads:
            thread.start()
        return server

    def stop(self) -> None:
        """Finish the study being handled; the rest goes on at the next start."""
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _store(self, event: Any) -> int:
        """Take one object; DICOM's status for the sender."""
        if shutil.disk_usage(self.settings.data).free < LEAST_FREE_BYTES:
            self.say("refused an object: the disk is nearly full")
            return NO_ROOM
        try:
            self.shelves.file(event.encoded_dataset(), id(event.assoc))
        except GlissonError as problem:
            self.say(f"refused an object: {problem}")
            return NO_ROOM if isinstance(problem, OutputError) else (
                DUPLICATE if isinstance(problem, ConflictError) else NOT_UNDERSTOOD
            )  # fmt: skip
        return SUCCESS

    def _closed(self, event: Any) -> None:
        self.shelves.closed(id(event.assoc))

    def _watch(self) -> None:
        """Shelve studies that have become quiet."""
        while not self.over.wait(TICK_S):
            try:
                folders = self.shelves.settled(self.settings.quiet_s)
            except OSError as problem:
                self.say(f"a study cannot be put on its shelf yet: {problem.strerror}")
                self.over.wait(self.settings.again_s)
                continue
            for folder in folders:
                self.say(f"{folder.name} is whole")
                self.todo.put((0.0, folder))

    def _work(self) -> None:
        """Handle one study after the other; those that the network failed come back later."""
        while not self.over.wait(TICK_S):
            try:
                due, folder = self.todo.get_nowait()
            except queue.Empty:
                continue
            if due > time.monotonic():
                self.todo.put((due, folder))
            else:
                self._handle(folder)

    def _handle(self, folder: Path) -> None:
        tries = state_of(folder)["tries"] + 1
        if tries > MOST_TRIES:
            set_state(folder, FAILED, tries=tries, why="the node did not survive handling it")
            self.say(f"{folder.name} was given up: the node did not survive handling it {MOST_TRIES} times")
            return
        set_state(folder, STARTED, tries=tries)
        try:
            self.handle(folder)
        except PacsError as problem:
            set_state(folder, WAITING, why=str(problem))
            self.say(f"{folder.name} waits: {problem}")
            self.todo.put((time.monotonic() + self.settings.again_s, folder))
        except Exception as problem:
            why = str(problem) if isinstance(problem, GlissonError) else f"{type(problem).__name__}: {problem}"
            set_state(folder, FAILED, tries=tries, why=why)
            self.say(f"{folder.name} was given up: {why}")
        else:
            set_state(folder, DONE, tries=tries)
            self.say(f"{folder.name} is done")

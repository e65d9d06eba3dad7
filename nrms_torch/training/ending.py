"""How a run of several processes ends: at a signal, or with one of them, all do, within seconds.

Lightning answers SIGTERM with a broadcast, inside the signal's handler: a process that waits for
another one at that moment waits for ever. And one that waits inside torch runs no handler of
Python's at all. So a thread listens, and ends what does not end by itself.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import lightning as L

from nrms_torch.errors import InputError
from nrms_torch.launched import is_launched, launch_from_here

# To close loggers and files in. A process that another one has started has half of it, so that it
# ends by itself before it is killed.
GRACE_S = 6.0
_ROUND_S = 0.2
# How long a process that has failed waits to learn that another one has failed before it.
_REASON_S = 2.0
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def ending_together(trainer: L.Trainer, *, go_on: str = "") -> Iterator[None]:
    """Have SIGTERM, SIGINT, a closed terminal or the death of a process end all of a trainer's.

    What stands inside gets SystemExit, or Ctrl-C's KeyboardInterrupt, and `GRACE_S` to end. The
    exit status is 128 and the signal's number, or 1 after a death; a line says why, and which
    command can `go_on`. Outside of the main thread, where no signal is heard, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    launch_from_here()
    ending = _Ending(trainer, go_on)
    trainer.callbacks.append(ending)  # type: ignore[attr-defined]
    ending.begin()
    try:
        yield
    except InputError:
        raise
    except BaseException as error:
        ending.wait_for_a_reason()
        if ending.status is None:
            raise
        ending.finish()
        raise SystemExit(ending.status) from error
    finally:
        ending.close()
        trainer.callbacks.remove(ending)  # type: ignore[attr-defined]


class _Ending(L.Callback):
    """Listens for signals and deaths in a thread; `status` is what to end with, None till then."""

    def __init__(self, trainer: L.Trainer, go_on: str) -> None:
        self.status: int | None = None
        self._trainer = trainer
        self._go_on = go_on
        self._reason = ""
        self._grace = GRACE_S / 2 if is_launched() else GRACE_S
        self._deadline = float("inf")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._closed = threading.Event()
        self._before = {number: signal.getsignal(number) for number in _ENDING}
        self._pipe, self._signals = os.pipe()
        os.set_blocking(self._signals, False)
        self._thread = threading.Thread(target=self._listen, name="ending", daemon=True)

    def begin(self) -> None:
        """Begin to listen. A signal that is ignored, as nohup has it, stays so."""
        self._handle()
        # Written by the system's own handler, so also while Python waits for torch.
        self._other_pipe = signal.set_wakeup_fd(self._signals, warn_on_full_buffer=False)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and leave signals as they were."""
        self._closed.set()
        self._thread.join()
        signal.set_wakeup_fd(self._other_pipe)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._pipe)
        os.close(self._signals)

    def wait_for_a_reason(self) -> None:
        """Wait until it is known whether a signal or another process is the cause of a failure."""
        end = time.monotonic() + _REASON_S
        is_alone = not self._processes and not is_launched()
        while self.status is None and not is_alone and time.monotonic() < end:
            time.sleep(_ROUND_S)

    def finish(self) -> None:
        """End the processes that this one has started, and say why in the first of all."""
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.0, self._deadline - time.monotonic()))
            process.kill()
            process.wait()
        if self._trainer.is_global_zero:
            advice = f"; to go on: {self._go_on}" if self._go_on else ""
            with suppress(OSError):  # the terminal may be what was closed
                print(f"error: {self._reason}{advice}", file=sys.stderr, flush=True)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take signals back from Lightning, whose handler was put over ours."""
        self._handle()

    on_validation_start = on_test_start = on_predict_start = on_train_start

    def _handle(self) -> None:
        for number, handler in self._before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self._stop(number)
        raise SystemExit(self.status)

    def _stop(self, number: int) -> None:
        self._end(128 + number, f"stopped by {signal.Signals(number).name}")

    def _end(self, status: int, reason: str) -> None:
        if self.status is None:
            self._reason, self._deadline = reason, time.monotonic() + self._grace
            self.status = status

    def _listen(self) -> None:
        while not self._closed.is_set():
            if select.select([self._pipe], [], [], _ROUND_S)[0]:
                for number in os.read(self._pipe, 64):
                    if number in (*_ENDING, signal.SIGINT):
                        self._stop(number)
            self._take_over()
            for process in self._processes:
                if process.poll():
                    self._end(1, f"process {process.pid} ended with status {process.returncode}")
                elif self.status is not None:
                    process.terminate()
            if time.monotonic() > self._deadline:
                self.finish()
                os._exit(self.status or 1)

    def _take_over(self) -> None:
        """Take the processes that were started from Lightning, which would kill without a word."""
        started = getattr(self._trainer.strategy.launcher, "procs", None)
        while started:
            self._processes.append(started.pop(0))

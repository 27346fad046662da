"""The console script. An interrupt from its first line on ends it with a short line and exit code 130.

Nothing is imported here but what Python has loaded anyway; the commands, and with them typer, are within `run`.
"""

import sys

INTERRUPTED = 130
STOPPED = "\nStopped; the same command continues from here."


def run() -> None:
    """Run a command. A mistake the user can mend is one sentence on stderr and exit code 2."""
    usual, sys.unraisablehook = sys.unraisablehook, _send_again
    try:
        from steerbench.cli.app import main

        code = main()
    except BaseException as error:
        if not _interrupted(error):
            raise
        code = INTERRUPTED
        print("\nStopped.", file=sys.stderr)
    finally:
        sys.unraisablehook = usual
    sys.exit(code)


def _send_again(lost: "sys.UnraisableHookArgs") -> None:
    """An interrupt that came where Python can raise nothing (a finaliser, a callback of an import) comes again."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    import _thread
    import threading

    # In a moment, from another thread: sent from here, it would come while this function still runs, and be lost too.
    again = threading.Timer(0.01, _thread.interrupt_main)
    again.daemon = True
    again.start()


def _interrupted(error: BaseException | None) -> bool:
    """Whether an error is an interrupt, or what somebody's import made of one."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    run()

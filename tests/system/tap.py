"""TAP lines, and how they went."""
failed = 0


def check(name, good, why=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} {name}" + (f" ({why})" if why and not good else ""), flush=True)


def note(text):
    print(f"# {text}", flush=True)


def end():
    """The exit code."""
    return 1 if failed else 0

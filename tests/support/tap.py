"""tap - what an end-to-end test says of each thing it looked at: TAP lines, and an exit code from them."""
failed = 0


def check(name, ok, why=""):
    """One line; what is not ok is counted, and `why` says what was seen."""
    global failed
    failed += not ok
    print(("ok " if ok else "not ok ") + name.replace(" ", "_"), flush=True)
    if not ok:
        note("  " + str(why).replace("\n", "\n#   ")[:1500])


def note(text):
    """What was measured."""
    print(f"# {text}", flush=True)


def exit_code():
    """1 as soon as anything was not ok."""
    return 1 if failed else 0

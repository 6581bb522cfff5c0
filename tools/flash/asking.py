"""Questions to the person at the keyboard: numbered menus, and the disk's name before anything is written."""
import sys

import images
from common import Refused
from plain import plain, say

may_ask = True


def ask(question):
    if not may_ask or not sys.stdin.isatty():
        raise Refused(f"Nobody is there to ask ({question}): give it as an option; flash write --help, flash code --help.")
    try:
        return input(f"{question} ").strip()
    except EOFError:
        raise Refused("Nobody answers: nothing was written.") from None


def choose(question, items, says=str):
    if not items:
        raise Refused(f"{question} There is none.")
    say(question)
    for number, item in enumerate(items, 1):
        say(f"  {number}  {says(item)}")
    answer = ask(f"1 to {len(items)}:")
    if not answer.isdecimal() or not 1 <= int(answer) <= len(items):
        raise Refused(f"\"{plain(answer)}\" is no number from 1 to {len(items)}.")
    return items[int(answer) - 1]


def choose_image(board):
    found = images.of(board)
    if not found:
        raise Refused(f"There is no image of {board}: make image BOARD={board}, or name one with --image.")
    return found[0] if len(found) == 1 else choose("Which image?", found)


def choose_disk(disks):
    return choose("Which disk? All that is on it will be gone.", disks, lambda disk: disk.say()).path


def confirm(path):
    """Typing a name is slower than a reflex."""
    if may_ask:
        name = path.rsplit("/", 1)[-1]
        if ask(f"Type {name} to go on:") not in (name, path):
            raise Refused("Nothing was written.")

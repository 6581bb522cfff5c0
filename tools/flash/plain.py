"""Words from a disk, a console or a file, for a person's terminal: what is no letter there could move the cursor, change the
colours or hide the rest of a line, so it becomes a question mark."""
import sys


def plain(text, most=200):
    """One line of at most `most` letters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:most])


def say(text, file=None):
    for line in str(text).split("\n"):
        print(plain(line, 2000), file=file or sys.stdout)

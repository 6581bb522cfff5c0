"""figures - what a bench measured: a table for people, JSON for programs."""
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
results = {}


def record(name, value, unit, against, against_value, note):
    """`against`: what `against_value` is, a lower bound, an aim or somebody else's figure; "-" when there is none."""
    results[name] = {"value": value, "unit": unit, "against": against, "against_value": against_value, "note": note}


def take(program, *args, **environment):
    """A part that is a program of its own: a line of JSON is a figure, any other is shown."""
    done = subprocess.run([sys.executable, HERE / program, *args], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit(f"bench: {program} failed")
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            record(**json.loads(line))
        else:
            print(line)


def show(path):
    """Prints the table and writes the file."""
    width = max(22, *map(len, results))
    print(f"\n{'name':<{width}} {'value':>10} {'unit':<10} {'against':>12}  what against, and notes")
    for name, r in results.items():
        print(f"{name:<{width}} {r['value']:>10} {r['unit']:<10} {r['against_value']:>12}  {r['against']}; {r['note']}")
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nwritten: {path.relative_to(HERE.parents[1])}")

"""The label that goes onto the terminal's case: a page to print, with the same words as QR.

Nothing on it is secret: of the one-time code only an id that tells codes apart."""
import base64
import html
import subprocess

from common import Refused

STYLE = """
@page { size: 62mm 40mm; margin: 0 }
body { margin: 0; font: 6.5pt/1.4 "DejaVu Sans", sans-serif }
.label { box-sizing: border-box; width: 62mm; height: 40mm; padding: 2.5mm; display: flex; gap: 2.5mm; align-items: center; overflow: hidden }
img { width: 27mm; height: 27mm; image-rendering: pixelated; flex: none }
h1 { font-size: 13pt; margin: 0 0 1mm } p { margin: 0; overflow-wrap: anywhere } .serial { font-weight: bold; font-size: 8pt; white-space: nowrap }
"""


def words(order, board, version):
    return {"serial": order.serial, "board": board, "version": version, "club": order.club, "code": order.code_id(), "date": order.date}


def qr(text):
    done = subprocess.run(["qrencode", "-t", "PNG", "-l", "M", "-s", "8", "-m", "2", "-o", "-"], input=text.encode(),
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise Refused(f"qrencode failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def make(order, board, version):
    """The page's text."""
    told = words(order, board, version)
    picture = base64.b64encode(qr("vafa;" + ";".join(f"{name}={value}" for name, value in told.items()))).decode()
    rest = "".join(f"<p>{html.escape(value)}</p>" for value in
                   (told["board"], f"version {told['version']}", told["club"], f"code {told['code']}", told["date"]))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{told['serial']}</title><style>{STYLE}</style></head>
<body><div class="label"><img alt="" src="data:image/png;base64,{picture}">
<div><h1>Vafa وفا</h1><p class="serial">{html.escape(told['serial'])}</p>{rest}</div></div></body></html>
"""


def path_of(folder, order):
    return folder / f"label-{order.serial}.html"

"""Green or red: what the self-test said, for a person. In the terminal's colours, and as a page, Persian first."""
import datetime
import html

import console

PERSIAN = {"data": "حافظهٔ داده", "keys": "کلیدها", "database": "پایگاه داده", "journal": "دفتر رویدادها", "reader": "کارت‌خوان",
           "programme": "برنامهٔ باشگاه", "clock": "ساعت"}
DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
# What a technician does about a part that does not work.
HELP = {"data": ("کارت حافظهٔ رمزشده فقط در برد خودش باز می‌شود: آن را به برد خودش برگردانید. چیزی در آن عوض نشده است.",
                 "An enciphered disk opens in its own board only: put it back there. Nothing on it was changed."),
        "keys": ("آیین کلید را پای کنسول دستگاه برگزار کنید (docs/flash.md، بخش ۴) و دوباره آزمون بگیرید.",
                 "Hold the key ceremony at its console (docs/flash.md, 4), then test again."),
        "database": ("کارت حافظه را عوض نکنید: شاید فروش نفرستاده دارد. با باشگاه تماس بگیرید.",
                     "Do not replace the disk: it may hold unsent sales. Call the club."),
        "journal": ("کارت حافظه را عوض نکنید: شاید فروش نفرستاده دارد. با باشگاه تماس بگیرید.",
                    "Do not replace the disk: it may hold unsent sales. Call the club."),
        "reader": ("کابل کارت‌خوان را وارسی کنید: برق، زمین، و دو سیم داده که نباید جابه‌جا باشند.",
                   "Check the reader's cable: power, ground, and the two data wires, which are easily swapped."),
        "programme": ("دستگاه را به شبکه وصل کنید تا برنامهٔ تازه را بگیرد.", "Connect the terminal to the network: it gets a new one."),
        "club": ("همهٔ بخش‌های دستگاه درست‌اند؛ باشگاه هنوز آن را نپذیرفته است. متصدی باشگاه آن را در فهرست می‌بیند (vafa-club pending) و می‌پذیرد "
                 "(vafa-club approve). اگر در فهرست نیست: docs/flash.md، «Another code». سپس دوباره آزمون بگیرید.",
                 "All of it works; the club has not let it in yet. Its operator sees it there (vafa-club pending) and lets it in (vafa-club "
                 "approve). When it is not in that list: docs/flash.md, \"Another code\". Then test again."),
        "clock": ("باتری ساعت یا خود برد خراب است.", "The clock's battery or the board is broken.")}
CODE_REFUSED = ("همهٔ بخش‌های دستگاه درست‌اند؛ باشگاه رمز یک‌بارمصرف آن را نپذیرفت (اعتبار آن یک روز است). از باشگاه رمز تازه بگیرید و روی کارت حافظه "
                "بنویسید: tools/flash/flash code (docs/flash.md، «Another code»). کلیدها می‌مانند.",
                "All of it works; the club refused its one-time code, which lasts a day. Get another one there and put it on the disk: "
                "tools/flash/flash code (docs/flash.md, \"Another code\"). Its keys stay.")
MARK = {True: ("✓", "well"), False: ("✗", "bad"), None: ("–", "open")}

STYLE = """
:root { color-scheme: light }
body { margin: 0; font: 17px/1.6 Vazirmatn, "Noto Naskh Arabic", "DejaVu Sans", sans-serif; color: #1c1c1c; background: #f3f3f1 }
header { padding: 2.2rem 2rem; color: #fff }
.works header { background: #12733b } .fails header { background: #b3261e }
h1 { margin: 0; font-size: 2.6rem; line-height: 1.25 } header p { margin: .4rem 0 0; font-size: 1.2rem }
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 2rem }
table { width: 100%; border-collapse: collapse; background: #fff } td { padding: .45rem .8rem; border-bottom: 1px solid #e4e4e0 }
td.mark { width: 2rem; text-align: center; font-weight: bold } .well .mark { color: #12733b } .bad .mark { color: #b3261e } .open { color: #777 }
.bad { font-weight: bold } .en { direction: ltr; text-align: left; unicode-bidi: isolate }
td.en { width: 40% } .note { background: #fff; padding: .8rem 1rem; border-inline-start: .4rem solid #b3261e; margin: 1rem 0 }
.works .note { border-color: #c98a00 } pre { direction: ltr; text-align: left; background: #fff; padding: .8rem 1rem; overflow: auto; font-size: 13px }
footer { color: #666; font-size: .9rem }
"""


def headline(result):
    """(Persian, English)"""
    if result.works:
        return "این پایانه آماده است", "This terminal is ready"
    if result.is_silent:
        return "پایانه پاسخی نداد", "The terminal did not answer"
    return "این پایانه آماده نیست", "This terminal is not ready"


def notes(result):
    """[(Persian, English)]: what a person should know or do."""
    if result.works:
        return [] if result.is_clock_set else [(
            "ساعت دستگاه هنوز تنظیم نشده است؛ دستگاه می‌فروشد و در نخستین تماس ساعت باشگاه را می‌گیرد.",
            "The clock was never set. The terminal sells, and takes the club's at its first contact.")]
    if result.is_silent:
        return [("پایانه روشن شد، ولی خودآزمایی به پایان نرسید: خط‌های آخر را بخوانید و دوباره آزمون بگیرید." if result.lines else
                 "برق پایانه، کابل کنسول و نام درگاه را وارسی کنید و دوباره آزمون بگیرید.", result.why)]
    part = result.why.split(":")[0]
    help_ = CODE_REFUSED if part == console.LAST and result.is_code_refused else HELP.get(part)
    return [*([help_] if help_ else []), ("گفتهٔ خود دستگاه:", result.why)]


def row(part, works):
    mark, kind = MARK[works]
    return (f'<tr class="{kind}"><td class="mark">{mark}</td><td>{PERSIAN[part]}</td>'
            f'<td class="en" lang="en">{part}</td></tr>')


def running(result):
    version, slot = html.escape(result.version), html.escape(result.slot)
    return (f'<tr><td></td><td>نسخهٔ <bdi>{version.translate(DIGITS)}</bdi>، جایگاه <bdi>{slot}</bdi></td>'
            f'<td class="en" lang="en">version {version}, slot {slot}</td></tr>')


def text_of(result):
    persian, english = headline(result)
    rows = "".join(row(part, works) for part, works in result.parts())
    told = "".join(f'<div class="note"><div>{html.escape(fa)}</div><div class="en" lang="en">{html.escape(en)}</div></div>'
                   for fa, en in notes(result))
    lines = html.escape("\n".join(result.lines))
    when = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    return f"""<!DOCTYPE html>
<html lang="fa" dir="rtl"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{persian}</title><style>{STYLE}</style></head>
<body class="{'works' if result.works else 'fails'}">
<header><h1>{persian}</h1><p class="en" lang="en">{english}</p></header>
<main>{told}<table>{rows}{running(result)}</table>
<pre>{lines}</pre>
<footer><bdi>{when}</bdi> · <span class="en" lang="en">{result.seconds:.0f} s</span></footer></main></body></html>
"""


def write(path, result):
    path.write_text(text_of(result), encoding="utf-8")
    return path


def show(result, has_colours):
    on = ("\033[1;97;42m" if result.works else "\033[1;97;41m") if has_colours else ""
    off = "\033[0m" if has_colours else ""
    persian, english = headline(result)
    print(f"{on}  {english}  {off}\n{on}  {persian}  {off}")
    for part, works in result.parts():
        print(f"  {MARK[works][0]} {part}")
    for _, english in notes(result):
        print(english)

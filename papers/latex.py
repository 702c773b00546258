"""The LaTeX that stands in bibliographies: accents, symbols and braces, turned into plain text."""

from __future__ import annotations

import re
import unicodedata

_ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "b": "\u0331",
    "c": "\u0327",
    "d": "\u0323",
    "H": "\u030b",
    "k": "\u0328",
    "r": "\u030a",
    "u": "\u0306",
    "v": "\u030c",
}
_ACCENT = re.compile(
    r"""\\(?: (?P<mark>['`^"~=.]) | (?P<command>[bcdHkruv])(?![A-Za-z]) )
    (?: \s*\{(?P<braced>\\?[^\W\d_])\} | (?<=['`^"~=.])(?P<letter>\\?[^\W\d_]) | \s+(?P<spaced>\\?[^\W\d_]) )""",
    re.VERBOSE,
)
_SYMBOLS = {
    "AA": "Å",
    "AE": "Æ",
    "L": "Ł",
    "O": "Ø",
    "OE": "Œ",
    "aa": "å",
    "ae": "æ",
    "l": "ł",
    "o": "ø",
    "oe": "œ",
    "DH": "Ð",
    "TH": "Þ",
    "dh": "ð",
    "th": "þ",
    "dj": "đ",
    "i": "ı",
    "j": "ȷ",
    "ss": "ß",
    "S": "§",
    "P": "¶",
    "LaTeX": "LaTeX",
    "TeX": "TeX",
    "copyright": "©",
    "dots": "…",
    "ldots": "…",
    "pounds": "£",
    "textemdash": "—",
    "textendash": "–",
    "textperiodcentered": "·",
    "textregistered": "®",
    "texttrademark": "™",
}
_WRAPPERS = frozenset({"emph", "mbox", "text", "textbf", "textit", "textrm", "textsc", "textsf", "texttt", "url"})


def decode_latex(value: str) -> str:
    r"""Turn a field's LaTeX into plain text: `L{\'e}on` into `Léon`; mathematics between dollars stays.

    A command that is not known stays as it is; `load` reports it.
    """
    pieces = re.split(r"((?<!\\)\$[^$]*\$)", value)
    pieces[::2] = [_decode_prose(piece) for piece in pieces[::2]]
    return " ".join("".join(pieces).split())


def _decode_prose(text: str) -> str:
    if "\\" in text:
        text = _ACCENT.sub(_accented, text)
        text = re.sub(r"\\href\s*\{[^{}]*\}", "", text)
        text = re.sub(r"\\([A-Za-z]+)(?:\s*\{\}|\s+)?", _symbol, text)
    text = re.sub(r"(?<!\\)[{}]", "", text)
    text = text.replace("---", "—").replace("--", "–").replace("~", " ")
    return re.sub(r"\\([&%_#${} ,@])", lambda match: match[1].replace(",", " "), text)


def unknown_command(value: str) -> str:
    """The first LaTeX command outside mathematics that `decode_latex` would leave as it is; empty if there is none."""
    if "\\" not in value:
        return ""
    known = _WRAPPERS | _SYMBOLS.keys() | _ACCENTS.keys() | {"href"}
    prose = re.sub(r"(?<!\\)\$[^$]*\$", "", value)
    return next((name[0] for name in re.finditer(r"\\([A-Za-z]+)", prose) if name[1] not in known), "")


def _accented(match: re.Match[str]) -> str:
    letter = (match["letter"] or match["braced"] or match["spaced"]).lstrip("\\")
    return unicodedata.normalize("NFC", letter + _ACCENTS[match["mark"] or match["command"]])


def _symbol(match: re.Match[str]) -> str:
    return "" if match[1] in _WRAPPERS else _SYMBOLS.get(match[1], match[0])

"""Small SVG elements as safe markup: text and attributes are escaped here and nowhere else.

Colours are classes, not attributes: the page's style sheet decides for light,
dark and paper.  No ``style`` attribute, so that a content policy without
``unsafe-inline`` lets every picture through.
"""

from __future__ import annotations

from markupsafe import Markup

from analyzer.diagnose.finding import LadderHost

CHARACTER = 7.25
"""Width of a character of the pictures' fixed-width type at 12 px, in px (0.6 em, rounded up)."""


def element(name: str, /, *children: str | Markup, **attributes: object) -> Markup:
    """``<name attributes>children</name>``; ``_`` in attribute names stands for ``-``, a leading one is dropped.

    ``None`` leaves an attribute out; plain strings among the children are escaped.
    """
    pairs = Markup().join(
        Markup(' {}="{}"').format(key.strip("_").replace("_", "-"), _number(value))
        for key, value in attributes.items()
        if value is not None
    )
    if not children:
        return Markup("<{0}{1}/>").format(name, pairs)
    inside = Markup().join(children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, pairs, inside)


def _number(value: object) -> object:
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def drawing(
    size: tuple[float, float], ident: str, words: tuple[str, str], *children: Markup, kind: str = ""
) -> Markup:
    """A picture of ``size`` px; ``words`` are its name and its description, which a screen reader says (SVG 2 §5.8)."""
    width, height = size
    title, description = words
    return element(
        "svg",
        element("title", title, id=f"{ident}-title"),
        element("desc", description, id=f"{ident}-desc"),
        *children,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width:g} {height:g}", role="group",
        aria_labelledby=f"{ident}-title", aria_describedby=f"{ident}-desc", class_=kind or None,
    )


def heads(ident: str, *kinds: str) -> Markup:
    """Arrow heads, one per kind: ``url(#ident-kind)``; each takes its colour from the class ``head kind``."""
    return element("defs", *(
        element(
            "marker", element("path", d="M0 0L10 5L0 10z", class_=f"head {kind}"),
            id=f"{ident}-{kind}", viewBox="0 0 10 10", refX=9, refY=5, markerWidth=11, markerHeight=11,
            orient="auto", markerUnits="userSpaceOnUse",
        )
        for kind in kinds
    ))


def label(x: float, y: float, text: str, *, anchor: str = "middle", kind: str = "") -> Markup:
    """Text at a place; the style sheet puts it in the middle of ``x`` unless ``anchor`` is start or end."""
    words = " ".join(filter(None, (kind, "" if anchor == "middle" else anchor)))
    return element("text", text, x=x, y=y, class_=words or None)


def shortened(text: str, width: float) -> str:
    """``text`` cut to what fits into ``width`` px."""
    room = max(4, int(width / CHARACTER))
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"


def fitted(text: str, width: float) -> Markup | str:
    """``text`` cut to ``width`` px, the whole of it in the element's tooltip where something is missing."""
    return titled(text, text, width)


def titled(text: str, whole: str, width: float) -> Markup | str:
    """``text`` cut to ``width`` px, with ``whole`` as the tooltip where that says more."""
    short = shortened(text, width)
    return short if short == whole else Markup("{}{}").format(element("title", whole), short)


def captions(host: LadderHost, centre: tuple[float, float], width: float) -> list[Markup]:
    """A host's name, address and MAC, one below the other around ``centre``; what is not known takes no room."""
    lines = [(text, kind) for text, kind in ((host.name, "name"), (host.address, None), (host.mac, "faint")) if text]
    x, y = centre
    first = y + 4.5 - (len(lines) - 1) * 8.5
    return [
        element("text", fitted(text, width * 0.8 if kind == "name" else width), x=x, y=first + place * 17, class_=kind)
        for place, (text, kind) in enumerate(lines)
    ]

"""nginx's directives as a tree, cut by nginx-crossplane's lexer (which knows quotes, Lua blocks and ${variables})."""

from __future__ import annotations

from analyzer.clean import shown
from analyzer.importers._braces import DEEPEST, Statement
from analyzer.importers._problems import Problems
from analyzer.importers._words import Word

_SIMPLE = {"listen", "proxy_pass", "proxy_bind", "include", "server_name", "return", "root", "index", "grpc_pass",
           "fastcgi_pass", "uwsgi_pass", "scgi_pass", "resolver", "access_log", "error_log"}
"""Directives that never have a block: words of the next line in them mean that a semicolon is missing."""


class Blocks:
    """A text on its way to statements."""

    def __init__(self, text: str, problems: Problems) -> None:
        self.text = text
        self.problems = problems
        self.lines = text.split("\n")
        self.top = Statement(0, [], [])
        self.open = [self.top]
        self.words: list[Word] = []

    def read(self) -> list[Statement]:
        """All statements outside of any braces."""
        from crossplane.errors import NgxParserBaseException  # noqa: PLC0415 - 6 ms, for nginx alone
        from crossplane.lexer import lex_string  # noqa: PLC0415 - see above

        try:
            for token, line, quoted in lex_string(self.text):
                if quoted or token not in {"{", "}", ";"}:
                    if quoted or not token.startswith("#"):
                        self.words.append(Word(token, 0, line))
                else:
                    self.mark(token, line)
        except NgxParserBaseException as error:
            line = error.lineno or len(self.lines)
            raise self.problems.stop(line, 0, "nginx's syntax", str(error.strerror)) from None
        if self.words:
            self.unfinished("the end of the file")
        return self.top.body or []

    def mark(self, mark: str, line: int) -> None:
        """A brace or semicolon."""
        if mark == "}":
            if self.words:
                self.unfinished("'}'")
            self.open.pop()
            return
        if mark == ";" and not self.words:
            return
        begun = self.words[0].line if self.words else line
        if self.words:
            self.words[0] = Word(self.words[0], self.column(self.words[0]), begun)
        statement = Statement(begun, self.words, [] if mark == "{" else None)
        inside = self.open[-1].body
        assert inside is not None
        inside.append(statement)
        following = next((word for word in self.words if word.line > begun), None)
        if following is not None and self.words[0] in _SIMPLE and (mark == "{" or following in _SIMPLE):
            self.problems.add(begun, self.words[0].column, f"a ';' after {shown(self.words[0])}", shown(following))
        if mark == "{":
            if len(self.open) > DEEPEST:
                raise self.problems.stop(line, 0, f"at most {DEEPEST} levels of nesting", "more")
            self.open.append(statement)
        self.words = []

    def unfinished(self, got: str) -> None:
        """A directive without its semicolon."""
        self.problems.add(self.words[0].line, self.column(self.words[0]), f"a ';' after {shown(self.words[0])}", got)
        self.words = []

    def column(self, word: Word) -> int:
        """Where a word stands in its line; the lexer does not say, so it is looked for when it is needed."""
        return self.lines[word.line - 1].find(word) + 1 if 0 < word.line <= len(self.lines) else 0
